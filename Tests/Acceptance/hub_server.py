"""A Hub for tests: hub_server.py FOLDER [--port N], as far as downloads and uploads of models need one.

Repositories live in FOLDER/ORG/NAME/COMMIT/files; branches in FOLDER/ORG/NAME/refs.json. Large files are answered with a
302 to another host (localhost in place of 127.0.0.1). The log of requests is at /log; faults are set by POST /faults.
huggingface_hub itself must upload to it and download from it before anything that our client does with it counts.
"""
import argparse, base64, hashlib, json, os, re, threading, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".bin", ".safetensors", ".model")
TOKEN = "hf_acceptance"


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path, data):
    return path.endswith(LARGE) and len(data) > 0


class Store:
    def __init__(self):
        self.repos, self.objects, self.log, self.faults, self.parts = {}, {}, [], [], {}
        self.lock = threading.RLock()

    def commit(self, repo, files, branch, parent=None):
        oid = hashlib.sha1(json.dumps([repo["id"], sorted((p, git_blob(d)) for p, d in files.items()),
                                       len(repo["commits"])]).encode()).hexdigest()
        repo["commits"][oid] = dict(files)
        repo["refs"][branch] = oid
        return oid

    def create(self, name, private=False):
        repo = {"id": name, "private": private, "gated": False, "commits": {}, "refs": {}, "pulls": 0}
        self.repos[name] = repo
        self.commit(repo, {".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"}, "main")
        return repo


STORE = Store()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): pass

    def answer(self, status, body=b"", headers=(), kind="application/json", length=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        headers = dict(headers)
        if status not in (204, 304):
            headers.setdefault("Content-Length", str(len(body) if length is None else length))
        headers.setdefault("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, message):
        self.answer(status, {"error": message}, {"X-Error-Code": code, "X-Error-Message": message} if code else {})

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        query = dict(urllib.parse.parse_qsl(url.query))
        data = self.body()
        if parts == ["log"]:
            return self.answer(200, STORE.log)
        if parts == ["faults"]:
            STORE.faults = json.loads(data)
            STORE.log.clear()
            return self.answer(200, {})
        if parts == ["repo"]:
            return self.set_repo(json.loads(data))
        with STORE.lock:
            STORE.log.append({"method": self.command, "path": url.path, "range": self.headers.get("Range"),
                              "host": self.headers.get("Host", "").split(":")[0],
                              "token": self.headers.get("Authorization") is not None})
            fault = next((f for f in STORE.faults if f.get("times", 1) > 0 and re.search(f["path"], url.path)
                          and f.get("method", self.command) == self.command), None)
            if fault:
                fault["times"] = fault.get("times", 1) - 1
        self.fault = fault
        if fault and "status" in fault:
            return self.answer(fault["status"], {"error": "fault"}, fault.get("headers", {}))
        if fault and fault.get("html"):
            return self.answer(200, b"<!DOCTYPE html><html><body>Log in to the guest network</body></html>", kind="text/html")
        self.route(parts, query, data)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def set_repo(self, change):
        repo = STORE.repos.get(change["id"]) or STORE.create(change["id"])
        for key in ("private", "gated"):
            if key in change: repo[key] = change[key]
        if "files" in change:
            files = {p: base64.b64decode(d) for p, d in change["files"].items()}
            STORE.commit(repo, files, change.get("branch", "main"))
        if "moved" in change: STORE.repos[change["moved"]] = {"moved": change["id"]}
        self.answer(200, {"commit": repo["refs"]["main"]})

    def may_read(self, repo):
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repo is None or repo.get("private") and not authorized:
            self.fail(401 if not authorized else 404, "RepoNotFound", "Repository not found")
            return False
        if repo.get("gated"):
            self.fail(403, "GatedRepo", "Access to this model is restricted")
            return False
        return True

    def route(self, parts, query, data):
        if self.command == "POST" and self.headers.get("Authorization") != f"Bearer {TOKEN}" and parts[0] != "lfs":
            return self.fail(401, None, "Invalid credentials")
        if parts == ["api", "repos", "create"]:
            fields = json.loads(data)
            name = f"{fields['organization']}/{fields['name']}" if fields.get("organization") else fields["name"]
            if name in STORE.repos:
                return self.fail(409, None, "You already created this model repo")
            STORE.create(name, fields.get("visibility") == "private" or bool(fields.get("private")))
            return self.answer(200, {"url": f"{self.origin()}/{name}"})
        if parts == ["api", "validate-yaml"]:
            return self.answer(200, {"errors": [], "warnings": []})
        if parts[:1] == ["api"] and parts[1] == "whoami-v2":
            return self.answer(200, {"name": "org", "type": "user", "orgs": []})
        if parts[:2] == ["api", "models"]:
            return self.models("/".join(parts[2:4]), parts[4:], query, data)
        if parts[0] == "lfs":
            return self.lfs(parts, query, data)
        if len(parts) > 3 and parts[1].endswith(".git"):
            return self.batch(json.loads(data))
        if len(parts) > 4 and parts[2] == "resolve":
            return self.resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        self.fail(404, None, "no such place")

    def origin(self, host="127.0.0.1"):
        return f"http://{host}:{self.server.server_address[1]}"

    def repository(self, name):
        repo = STORE.repos.get(name)
        if repo and "moved" in repo:
            self.answer(307, b"", {"Location": self.path.replace(name, repo["moved"])})
            return None
        return repo if self.may_read(repo) else None

    def revision(self, repo, revision):
        commit = revision if revision in repo["commits"] else repo["refs"].get(revision)
        if commit is None:
            self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def models(self, name, rest, query, data):
        repo = self.repository(name)
        if repo is None: return
        action, revision = (rest[0], rest[1]) if len(rest) > 1 else ("revision", "main")
        if action in ("revision", "tree"):
            commit = self.revision(repo, revision)
            if commit is None: return
            files = repo["commits"][commit]
            if action == "revision":
                return self.answer(200, {
                    "_id": "1", "id": name, "modelId": name, "sha": commit, "private": repo["private"], "gated": repo["gated"],
                    "disabled": False, "downloads": 0, "likes": 0, "tags": [],
                    "siblings": [{"rfilename": path} for path in sorted(files)]})
            entries = []
            for path in sorted(files):
                content = files[path]
                entry = {"type": "file", "path": path, "size": len(content), "oid": git_blob(content)}
                if is_large(path, content):
                    sha = hashlib.sha256(content).hexdigest()
                    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha}\nsize {len(content)}\n".encode()
                    entry |= {"oid": git_blob(pointer), "lfs": {"oid": sha, "size": len(content), "pointerSize": len(pointer)}}
                entries.append(entry)
            start, page = int(query.get("cursor", 0)), 3
            headers = {}
            if start + page < len(entries):
                more = f"{self.origin()}{self.path.split('?')[0]}?recursive=true&expand=false&cursor={start + page}"
                headers["Link"] = f'<{more}>; rel="next"'
            return self.answer(200, entries[start:start + page], headers)
        if action == "preupload":
            answer = [{"path": f["path"], "shouldIgnore": False, "oid": None,
                       "uploadMode": "lfs" if f["path"].endswith(LARGE) and f["size"] else "regular"}
                      for f in json.loads(data)["files"]]
            return self.answer(200, {"files": answer})
        if action == "commit":
            return self.commit(repo, revision, query, data)
        self.fail(404, None, "no such place")

    def commit(self, repo, branch, query, data):
        files = dict(repo["commits"][repo["refs"][branch]])
        for line in data.splitlines():
            if not line.strip(): continue
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                if value.get("parentCommit") not in (None, repo["refs"][branch]):
                    return self.fail(412, None, "The branch has moved")
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in STORE.objects: return self.fail(400, None, "object is missing")
                files[value["path"]] = STORE.objects[value["oid"]]
        if query.get("create_pr") == "1":
            repo["pulls"] += 1
            branch = f"refs/pr/{repo['pulls']}"
        commit = STORE.commit(repo, files, branch)
        answer = {"success": True, "commitOid": commit, "commitUrl": f"{self.origin()}/{repo['id']}/commit/{commit}"}
        if "create_pr" in query:
            answer["pullRequestUrl"] = f"{self.origin()}/{repo['id']}/discussions/{repo['pulls']}"
        self.answer(200, answer)

    def batch(self, request):
        objects = []
        for item in request["objects"]:
            entry = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in STORE.objects:
                action = {"href": f"{self.origin('localhost')}/lfs/put/{item['oid']}"}
                if item["size"] > 200_000:  # in parts
                    count = -(-item["size"] // 100_000)
                    action = {"href": f"{self.origin()}/lfs/complete/{item['oid']}", "header": {"chunk_size": "100000"} | {
                        f"{n:05d}": f"{self.origin('localhost')}/lfs/part/{item['oid']}/{n}" for n in range(1, count + 1)}}
                entry["actions"] = {"upload": action, "verify": {"href": f"{self.origin()}/lfs/verify/{item['oid']}"}}
            objects.append(entry)
        self.answer(200, {"transfer": "multipart", "objects": objects}, kind="application/vnd.git-lfs+json")

    def lfs(self, parts, query, data):
        action, oid = parts[1], parts[2]
        if action in ("put", "part"):
            if self.headers.get("Authorization"): return self.fail(400, None, "a token came along")
        if action == "put":
            STORE.objects[oid] = data
        elif action == "part":
            STORE.parts.setdefault(oid, {})[int(parts[3])] = data
            return self.answer(200, b"", {"ETag": f'"{hashlib.md5(data).hexdigest()}"'})
        elif action == "complete":
            for part in json.loads(data)["parts"]:
                expected = hashlib.md5(STORE.parts[oid][part["partNumber"]]).hexdigest()
                if part["etag"].strip('"') != expected: return self.fail(400, None, "wrong etag")
            STORE.objects[oid] = b"".join(STORE.parts[oid][n] for n in sorted(STORE.parts[oid]))
        elif action == "verify":
            if json.loads(data)["size"] != len(STORE.objects.get(oid, b"")): return self.fail(400, None, "wrong size")
        elif action == "get":
            if self.headers.get("Authorization"): return self.fail(400, None, "a token came along")
            return self.content(STORE.objects[oid], oid, {})
        if oid in STORE.objects and hashlib.sha256(STORE.objects[oid]).hexdigest() != oid:
            del STORE.objects[oid]
            return self.fail(400, None, "wrong digest")
        self.answer(200, {})

    def resolve(self, name, revision, path):
        repo = self.repository(name)
        if repo is None: return
        commit = self.revision(repo, revision)
        if commit is None: return
        content = repo["commits"][commit].get(path)
        if content is None:
            return self.answer(404, {"error": "Entry not found"},
                               {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if is_large(path, content):
            sha = hashlib.sha256(content).hexdigest()
            STORE.objects[sha] = content
            headers |= {"X-Linked-Etag": f'"{sha}"', "X-Linked-Size": str(len(content)),
                        "Location": f"{self.origin('localhost')}/lfs/get/{sha}?signature=secret"}
            return self.answer(302, b"", headers)
        self.content(content, git_blob(content), headers)

    def content(self, content, etag, headers):
        headers = dict(headers) | {"ETag": f'"{etag}"', "Content-Type": "application/octet-stream"}
        fault, status = self.fault or {}, 200
        if fault.get("wrong"): content = bytes(b ^ 1 for b in content)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and not fault.get("noranges"):
            start = int(asked.group(1))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        if "cut" in fault and self.command == "GET":
            self.answer(status, content[:fault["cut"]], headers, length=len(content))
            self.close_connection = True
            return self.wfile.flush()
        if "slow" in fault: time.sleep(fault["slow"])
        self.answer(status, content, headers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    server = ThreadingHTTPServer(("", parser.parse_args().port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
