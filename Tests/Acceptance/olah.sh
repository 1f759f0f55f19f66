#!/usr/bin/env bash
# Our client against olah, a mirror of the Hub by others, offline: olah.sh OLAH-CLI PYTHON ADAPTER-CLI FOLDER
#
# PYTHON has huggingface_hub, which judges the cache that our client writes.
set -euo pipefail
olah=$1; python=$2; cli=$(realpath "$3"); place=$4
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$place"; mkdir -p "$place/mirrors/models/org" "$place/work"
cp -r "$root/Models" "$root/Adapters" "$root/registry.sqlite" "$place/work"
cd "$place/work"
repository=$place/mirrors/models/org/truecase
"$cli" export truecase "$repository" --format safetensors > "$place/export.log"
echo '# A test' > "$repository/README.md"
git -C "$repository" init -q -b main
git -C "$repository" add -A
git -C "$repository" -c user.name=test -c user.email=test@localhost commit -qm "A test"
commit=$(git -C "$repository" rev-parse HEAD)
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$place/olah.toml" << END
[basic]
host = "127.0.0.1"
port = $port
repos-path = "$place/repos"
mirrors-path = ["$place/mirrors"]
mirror-scheme = "http"
mirror-netloc = "127.0.0.1:$port"
[accessibility]
offline = true
END
(cd "$place" && exec "$olah" --config "$place/olah.toml" --log-path "$place/logs") > "$place/olah.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || :' EXIT
export HF_ENDPOINT=http://127.0.0.1:$port HF_HOME=$place/home
for _ in $(seq 300); do
  curl -sf "$HF_ENDPOINT/api/models/org/truecase/revision/main" > /dev/null && break
  kill -0 $server || { cat "$place/olah.log"; exit 1; }
  sleep 0.2
done

"$cli" import hf:org/truecase --as mirrored > "$place/import.log"
"$cli" show mirrored --json | grep -q "$commit"
"$cli" predict --setup mirrored "linux from germany" > "$place/mirrored.txt"
"$cli" predict --setup truecase "linux from germany" | sed 's/truecase/mirrored/g' | cmp - "$place/mirrored.txt"
"$python" - "$repository" << 'END'
import filecmp, os, sys
from huggingface_hub import HfApi, scan_cache_dir, snapshot_download

folder = snapshot_download("org/truecase", local_files_only=True)
names = [name for name in os.listdir(sys.argv[1]) if name != ".git"]
assert sorted(os.listdir(folder)) == sorted(names), os.listdir(folder)
assert filecmp.cmpfiles(folder, sys.argv[1], names, shallow=False)[0] == names
scan = scan_cache_dir()
assert not scan.warnings and len(scan.repos) == 1, scan.warnings
report = HfApi().verify_repo_checksums("org/truecase")
assert not report.mismatches and report.checked_count == len(names), report
print(f"olah: {report.checked_count} files are those of the mirror.")
END
