"""huggingface_hub judges our client: hub.py SERVER-URL ADAPTER-CLI WORK-FOLDER, with the Python of either generation.

The server is hub_server.py. What our client must do, huggingface_hub does first.
"""
import base64, json, os, pathlib, shutil, signal, subprocess, sys, time, urllib.request

url, cli, work = sys.argv[1].rstrip("/"), os.path.abspath(sys.argv[2]), pathlib.Path(sys.argv[3])
token = "hf_acceptance"
os.environ.update(HF_ENDPOINT=url, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1",
                  HF_HOME=str(work / "python"))
os.environ.pop("HF_TOKEN", None)
import huggingface_hub
from huggingface_hub import HfApi, scan_cache_dir, snapshot_download

generation = huggingface_hub.__version__
root = pathlib.Path(__file__).resolve().parents[2]
org = "org" + generation.replace(".", "")
checks = 0


def check(truth, what):
    global checks
    checks += 1
    if not truth:
        sys.exit(f"WRONG ({generation}): {what}")


def call(path, value=None):
    data = None if value is None else json.dumps(value).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data)) as answer:
        return json.load(answer)


def run(*arguments, cache, expect=0, **environment):
    settings = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    settings |= {"HF_ENDPOINT": url, "HF_HOME": str(cache)} | environment
    result = subprocess.run([cli, *arguments], capture_output=True, text=True, env=settings, cwd=work)
    check(result.returncode == expect, f"{arguments} ended with {result.returncode}: {result.stdout}{result.stderr}")
    check(token not in result.stdout + result.stderr, f"{arguments} shows the token")
    return result.stdout + result.stderr


def fresh(name):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def leftovers(cache):
    return [str(p) for p in cache.rglob("*.incomplete")] + [str(p) for p in cache.rglob("*.tmp")]


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
for part in ("registry.sqlite", "Models", "Adapters"):
    source = root / part
    shutil.copytree(source, work / part) if source.is_dir() else shutil.copy(source, work / part)
source = fresh("adapter")
run("export", "truecase", str(source), cache=fresh("none"))
(source / "README.md").write_text("---\ntags:\n- test\n---\n# A test\n")
(source / "notes.txt").write_text("not needed\n")
files = sorted(p.name for p in source.iterdir())
large = max((source / name).stat().st_size for name in files)
check(large > 200_000, "a file is large enough for an upload in parts")

# huggingface_hub uploads to the server and downloads from it.
api = HfApi(token=token)
repo = f"{org}/truecase"
call("/faults", [])
api.create_repo(repo)
api.upload_folder(repo_id=repo, folder_path=source, commit_message="Upload")
check(any("/lfs/part/" in entry["path"] for entry in call("/log")), "the upload had parts")
call("/faults", [])
theirs = pathlib.Path(snapshot_download(repo, cache_dir=fresh("theirs"), max_workers=1))
for name in files:
    check((theirs / name).read_bytes() == (source / name).read_bytes(), f"{name} came back")
commit = api.model_info(repo).sha

# Our client sends the same requests for the files that it needs.
wanted = [n for n in files if n not in ("notes.txt", "pytorch_adapter.bin", "pytorch_model_head.bin")]
call("/faults", [])
snapshot_download(repo, cache_dir=fresh("theirs"), max_workers=1, allow_patterns=wanted)
expected = call("/log")
call("/faults", [])
ours = fresh("ours")
run("import", f"hf:{repo}", "--as", "fetched", cache=ours)
log = call("/log")
requests = lambda log: sorted({(e["method"], e["path"], e["range"] or "") for e in log if "/tree/" not in e["path"]})
check(requests(log) == requests(expected), f"requests differ:\n{requests(log)}\n{requests(expected)}")
check(all(not e["token"] for e in log), "no token is sent that was not given")
shown = json.loads(run("show", "fetched", "--json", cache=ours))
check(shown["origin"] == {"address": f"hf:{repo}", "revision": commit}, f"the registry keeps the origin: {shown['origin']}")

# huggingface_hub judges the cache that our client has written.
hub = ours / "hub"
local = pathlib.Path(snapshot_download(repo, cache_dir=hub, local_files_only=True, allow_patterns=wanted))
check(sorted(p.name for p in local.iterdir()) == sorted(wanted), "the snapshot has the files")
check(local.name == commit, "the snapshot is of the commit")
scan = scan_cache_dir(hub)
warnings = [w for w in scan.warnings if "CACHEDIR.TAG" not in str(w)]
check(not warnings and len(scan.repos) == 1, f"scan_cache_dir: {warnings}")
check(next(iter(scan.repos)).nb_files == len(wanted), "scan_cache_dir counts the files")
verified = "not in this generation"
if hasattr(api, "verify_repo_checksums"):
    report = api.verify_repo_checksums(repo, cache_dir=hub)
    check(not report.mismatches and report.checked_count == len(wanted), f"verify_repo_checksums: {report}")
    verified = f"{report.checked_count} files"
if generation >= "1.22" or generation.startswith("2"):
    try:
        snapshot_download(repo, cache_dir=hub, local_files_only=True)
        check(False, "a snapshot with a part of the files is taken for a whole one")
    except huggingface_hub.errors.IncompleteSnapshotError:
        check(True, "")

# What is there is used without a request: a commit always, a branch offline.
call("/faults", [])
run("inspect", f"hf:{repo}@{commit}", cache=ours)
run("inspect", f"hf:{repo}", cache=ours, HF_HUB_OFFLINE="1")
check(call("/log") == [], "the cache is used without a request")
check("HF_HUB_OFFLINE" in run("inspect", f"hf:{org}/other", cache=ours, HF_HUB_OFFLINE="1", expect=1), "offline is explained")
run("predict", "--adapter", f"a=hf:{repo}", "linux from germany", cache=ours)
# What huggingface_hub has downloaded, too.
run("inspect", f"hf:{repo}", cache=fresh("python-cache"), HF_HUB_CACHE=str(work / "theirs"), HF_HUB_OFFLINE="1")

# Newer versions.
check("up to date" in run("update", "fetched", cache=ours), "nothing is newer")
(source / "README.md").write_text("---\ntags:\n- test\n---\n# A newer test\n")
api.upload_folder(repo_id=repo, folder_path=source, commit_message="Newer")
newer = api.model_info(repo).sha
update = json.loads(run("update", "fetched", "--json", cache=ours))
check(update["revision"] == newer and update["kept"] == f"fetched-{commit[:7]}", f"update: {update}")
check(json.loads(run("show", f"fetched-{commit[:7]}", "--json", cache=ours))["origin"]["revision"] == commit, "the old one stays")

# What our client uploads, huggingface_hub downloads.
call("/faults", [])
out = run("push", "debian-section", f"hf:{org}/pushed", "--private", cache=ours, HF_TOKEN=token)
log = call("/log")
check("/commit/" in out, f"push prints an address: {out}")
check(any("/lfs/part/" in e["path"] for e in log) and any("/lfs/put/" in e["path"] for e in log), "both ways of LFS")
check(all(not e["token"] for e in log if e["host"] != "127.0.0.1"), "the token goes to the Hub alone")
pushed = pathlib.Path(snapshot_download(f"{org}/pushed", cache_dir=fresh("pushed"), token=token))
exported = fresh("exported")
run("export", "debian-section", str(exported), cache=ours)
for file in exported.iterdir():
    check((pushed / file.name).read_bytes() == file.read_bytes(), f"{file.name} arrived")
card = huggingface_hub.ModelCard.load(pushed / "README.md")
check("accuracy" in card.data.metrics and "adapter-transformers" in card.data.tags, "the card has its front matter")
check("0.7770" in card.text, "the card has the metrics")
check(call("/repo", {"id": f"{org}/pushed"}) and api.model_info(f"{org}/pushed").private, "the repository is private")
check("has these files already" in run("push", "debian-section", f"hf:{org}/pushed", cache=ours, HF_TOKEN=token), "nothing twice")
out = run("push", "truecase", f"hf:{org}/pushed", "--create-pr", cache=ours, HF_TOKEN=token)
check("/discussions/1" in out, f"a pull request: {out}")
check("HF_TOKEN" in run("push", "truecase", f"hf:{org}/pushed", cache=ours, expect=1), "a token is needed")
call("/faults", [{"path": "/commit/", "status": 412}])
check("someone else" in run("push", "truecase", f"hf:{org}/pushed", cache=ours, HF_TOKEN=token, expect=1), "a branch that moved")

# Faults leave nothing half.
config = "adapter_config.json"
weights = "adapter.safetensors"
cases = [
    ("cut once, taken up", [{"path": "/lfs/get/", "cut": 1000}], None),
    ("cut, and no ranges", [{"path": "/lfs/get/", "cut": 1000}, {"path": "/lfs/get/", "noranges": True}], None),
    ("busy for a second", [{"path": "/tree/", "status": 429, "headers": {"Retry-After": "1"}}], None),
    ("broken twice", [{"path": f"/resolve/.*{config}", "status": 500, "times": 2}], None),
    ("too busy", [{"path": "/revision/", "status": 429, "times": 9, "headers": {"Retry-After": "300"}}], "300 seconds"),
    ("wrong bytes", [{"path": "/lfs/get/", "wrong": True, "times": 9}], "digest"),
    ("wrong small file", [{"path": f"/resolve/.*{config}", "wrong": True, "method": "GET", "times": 9}], "digest"),
    ("a login page", [{"path": "/", "html": True, "times": 99}], "proxy"),
    ("a login page for a file", [{"path": f"/resolve/.*{config}", "html": True, "times": 9}], "proxy"),
]
for what, faults, message in cases:
    cache = fresh("faults")
    call("/faults", faults)
    out = run("inspect", f"hf:{repo}", cache=cache, expect=0 if message is None else 1)
    check(message is None or message in out, f"{what}: {out}")
    if message is None:
        if "cut" in faults[0]: check(any(e["range"] for e in call("/log")), "a range is requested")
        snapshot = next((cache / "hub").glob("models--*/snapshots/*"))
        check((snapshot / weights).read_bytes() == (source / weights).read_bytes(), what)
    check(not leftovers(cache), f"{what} leaves {leftovers(cache)}")
call("/faults", [])
call("/repo", {"id": f"{org}/secret", "private": True})
call("/repo", {"id": f"{org}/gated", "gated": True})
call("/repo", {"id": repo, "moved": f"{org}/old-name"})
check("private" in run("inspect", f"hf:{org}/secret", cache=fresh("faults"), expect=1), "private")
check("on request" in run("inspect", f"hf:{org}/gated", cache=fresh("faults"), expect=1), "gated")
check("no revision" in run("inspect", f"hf:{repo}@absent", cache=fresh("faults"), expect=1), "no revision")
check("no repository" in run("inspect", f"hf:{org}/absent", cache=fresh("faults"), expect=1), "no repository")
run("inspect", f"hf:{org}/old-name", cache=fresh("faults"))

# Two at once share one download; one that is killed is taken up.
environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | {"HF_ENDPOINT": url, "HF_HOME": str(fresh("both"))}
call("/faults", [{"path": "/lfs/get/", "slow": 1}])
both = [subprocess.Popen([cli, "inspect", f"hf:{repo}"], env=environment, cwd=work, stdout=subprocess.DEVNULL) for _ in range(2)]
check([p.wait() for p in both] == [0, 0], "two at once")
gets = [e["path"] for e in call("/log") if "/lfs/get/" in e["path"]]
check(len(gets) == len(set(gets)), f"each blob is downloaded once: {gets}")
environment["HF_HOME"] = str(fresh("killed"))
call("/faults", [{"path": "/lfs/get/", "slow": 5}])
process = subprocess.Popen([cli, "inspect", f"hf:{repo}"], env=environment, cwd=work, stdout=subprocess.DEVNULL)
time.sleep(2)
process.send_signal(signal.SIGKILL)
process.wait()
run("inspect", f"hf:{repo}", cache=work / "killed")
check(not leftovers(work / "killed"), "a killed download leaves nothing in the end")

# Full disk: a limit on the size of files stands for it.
limited = subprocess.run(["bash", "-c", f"ulimit -f 100; exec {cli} inspect hf:{repo}"], cwd=work, capture_output=True, text=True,
                         env=environment | {"HF_HOME": str(fresh("full"))})
check(limited.returncode != 0 and not list((work / "full").rglob("snapshots/*/" + weights)), "a full disk")
print(f"huggingface_hub {generation}: {checks} checks are right; verify_repo_checksums: {verified}.")
