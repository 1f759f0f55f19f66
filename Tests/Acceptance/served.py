"""A server with a registry of its own in a temporary folder, for the measurements that start one."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = ["debian-section", "wordnet-domain", "debian-facets"]
TOKEN = "admin-token"


class Place:
    """A registry in a temporary folder: a copy of the shipped one, or a new one for another base model."""

    def __init__(self, program, model=None):
        self.program = os.path.abspath(program)
        self.model = model and os.path.abspath(model)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="adapter-server-"))
        self.registry = self.folder / "registry.sqlite"
        self.adapters = []
        if self.model:
            self.cli("models", "register", self.model)
        else:
            shutil.copy(ROOT / "registry.sqlite", self.registry)
            for name in ("Adapters", "Models"):
                shutil.copytree(ROOT / name, self.folder / name)
            self.adapters += SHIPPED
        (self.folder / "token").write_text(TOKEN + "\n")

    def cli(self, command, *words, **options):
        if options.pop("check", True):
            options["check"] = True
        return subprocess.run(
            [self.program, command, *words, "--registry", str(self.registry)], cwd=self.folder, capture_output=True,
            text=True, **options)

    def add(self, name, seed, rank=8):
        self.cli("add", name, "--config", f"lora[r={rank}]", "--head", "classification", "--labels", "no,yes",
                 "--seed", str(seed))

    def fill(self, count):
        """Fresh LoRA adapters with heads, until there are `count` adapters that classify."""
        for index in range(len(self.adapters), count):
            self.add(f"fresh-{index}", index)
            self.adapters.append(f"fresh-{index}")
        return self

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Server:
    """An adapter-server on a free port; a context that ends it."""

    def __init__(self, program, place, *flags):
        self.program, self.place, self.flags = os.path.abspath(program), place, flags

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("the server did not end within 40 seconds of SIGTERM") from None

    def start(self):
        log = self.place.folder / "server.log"
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                [self.program, "--registry", str(self.place.registry), "--port", "0", "--log-format", "json",
                 "--admin-token", str(self.place.folder / "token"), *self.flags],
                cwd=self.place.folder, stderr=errors, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            found = re.search(r'"message": "ready".*"port": "(\d+)"', log.read_text())
            if found:
                self.port = int(found[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, path, body=None, token=None):
        """Status and text of one request on a connection of its own."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """The samples of /metrics: name with labels, and value."""
        lines = self.call("/metrics")[1].splitlines()
        return {name: float(value) for name, value in (
            line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def processor():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{found[1] if found else 'unknown processor'}, {len(os.sched_getaffinity(0))} processors used"
