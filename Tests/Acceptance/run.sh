#!/usr/bin/env bash
# Real clients against a server that this starts, and the client of the Hub against huggingface_hub: run.sh ADAPTER-SERVER ADAPTER-CLI [FOLDER for environments and results]
#
# The clients are installed with pip into environments outside the repository.
set -euo pipefail
server=$1; cli=$2; place=${3:-${TMPDIR:-/tmp}/adapter-server-acceptance}
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd)
mkdir -p "$place"

environment() {  # NAME PACKAGE...
  local name=$1; shift
  [ -x "$place/$name/bin/python" ] || python3 -m venv "$place/$name"
  [ "$(cat "$place/$name/packages" 2>/dev/null)" = "$*" ] \
    || { "$place/$name/bin/pip" install -q "$@" && echo "$*" > "$place/$name/packages"; }
}
environment clients huggingface_hub==2.4.0 numpy openai==3.57.0 'tritonclient[http]==2.73.0' prometheus_client==0.26.0
environment tei tei-client==0.2.4
environment fuzz schemathesis
environment load mlcommons-loadgen==6.0.17
environment hub huggingface_hub==0.36.2
environment olah olah==0.5.4

# The client of the Hub: huggingface_hub of both generations uploads, downloads and judges.
for python in hub clients; do
  : > "$place/hub.port"
  "$place/$python/bin/python" "$here/hub_server.py" > "$place/hub.port" 2> "$place/hub.log" &
  hub=$!
  trap 'kill $hub 2>/dev/null || :' EXIT
  until [ -s "$place/hub.port" ]; do kill -0 $hub || { cat "$place/hub.log"; exit 1; }; sleep 0.1; done
  "$place/$python/bin/python" "$here/hub.py" "http://127.0.0.1:$(cat "$place/hub.port")" "$cli" "$place/hub-work"
  kill $hub
done
"$here/olah.sh" "$place/olah/bin/olah-cli" "$place/clients/bin/python" "$cli" "$place/olah-work"

echo admin-token > "$place/token"
cd "$root"
"$server" --port 0 --admin-token "$place/token" --log-format json 2> "$place/server.log" &
pid=$!
trap 'kill $pid 2>/dev/null || :' EXIT
for _ in $(seq 300); do
  port=$(sed -n 's/.*"message": "ready".*"port": "\([0-9]*\)".*/\1/p' "$place/server.log")
  [ -n "$port" ] && break
  kill -0 $pid || { cat "$place/server.log"; exit 1; }
  sleep 0.1
done
url=http://127.0.0.1:$port

"$place/clients/bin/python" "$here/clients.py" "$url" "$cli" admin-token
"$place/tei/bin/python" "$here/text_embeddings.py" "$url"
if command -v promtool > /dev/null; then
  # The suffixes of te_request_* are those of text-embeddings-inference.
  curl -sf "$url/metrics" | promtool check metrics 2>&1 | grep -v 'te_request_' | { ! grep .; }
fi
if [ -x /usr/bin/chromium ]; then
  environment page playwright
  mkdir -p "$place/screenshots"
  "$place/page/bin/python" "$here/page.py" "$url" "$place/screenshots"
fi
"$place/fuzz/bin/schemathesis" run "$url/openapi.json" --url "$url" --max-examples "${EXAMPLES:-20}" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --request-timeout 60 --exclude-path-regex 'lora_adapter$'

kill -TERM $pid
wait $pid && echo "The server ended after SIGTERM."
trap - EXIT

"$place/load/bin/python" "$here/goals.py" "$server" "$cli" --quick
"$place/load/bin/python" "$here/kills.py" "$server" "$cli" --rounds 10
"$place/load/bin/python" "$here/soak.py" "$server" "$cli" --minutes "${MINUTES:-5}"
