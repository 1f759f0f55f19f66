"""Engines as child processes that stay loaded and answer one measurement at a time."""

import contextlib
import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

Reply = dict[str, Any]
LOADING_SECONDS = 300
PAUSE_SECONDS = 0.15
"""Before each measurement: threads of the engine before spin for some tens of milliseconds, then sleep."""


class MeasurementFailed(Exception):
    """An engine answered with an error, died, or took too long."""


class Child:
    """One engine. It starts with the first request, and again after it was killed."""

    def __init__(self, name: str, command: list[str], log: pathlib.Path):
        self.name = name
        self.version = ""
        self._command = command
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def ask(self, scenario: str, shape: str, seconds: float, timeout: float, texts: str | None = None) -> Reply:
        """Has the engine measure something.

        Raises MeasurementFailed; after a timeout the process is gone.
        """
        request: Reply = {"scenario": scenario, "shape": shape, "seconds": seconds}
        if texts:
            request["texts"] = texts
        process = self._started()
        time.sleep(PAUSE_SECONDS)
        try:
            assert process.stdin
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except OSError:
            self.close()
            raise MeasurementFailed(f"{self.name} is gone; see {self._log.name}") from None
        reply = self._line(timeout)
        if "error" in reply:
            raise MeasurementFailed(f"{self.name}, {scenario} {shape}: {reply['error']}")
        return reply

    def close(self) -> None:
        """Ends the process, and what it started, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe and pipe.close()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None:
            return self._process
        self._lines = queue.Queue()
        with self._log.open("a") as log:
            # A session of its own: Ctrl-C reaches run.py alone, which then ends all children.
            try:
                process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                           text=True, start_new_session=True)
            except OSError as error:
                raise MeasurementFailed(f"{self.name} does not start: {error.strerror}") from None
        self._process = process
        with contextlib.suppress(OSError):  # where memory ends, an engine goes and not run.py
            pathlib.Path(f"/proc/{process.pid}/oom_score_adj").write_text("800")
        threading.Thread(target=self._read, args=(process, self._lines), daemon=True).start()
        self.version = self._line(LOADING_SECONDS).get("version", "")
        return process

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in process.stdout or ():
                lines.put(line)
        lines.put(None)

    def _line(self, timeout: float) -> Reply:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.close()
            raise MeasurementFailed(f"{self.name} took more than {timeout:.0f} s") from None
        if line is None:
            self.close()
            raise MeasurementFailed(f"{self.name} ended; see {self._log.name}")
        try:
            return json.loads(line)
        except ValueError:
            self.close()
            raise MeasurementFailed(f"{self.name} said {line[:100]!r}") from None


class Children:
    """All engines; none of them is left when the `with` block is."""

    def __init__(self, commands: dict[str, list[str]], logs: pathlib.Path):
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._commands = commands
        self._children = {name: self._child(name) for name in commands}

    def _child(self, name: str) -> Child:
        return Child(name, self._commands[name], self._logs / f"{name}.log")

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends all; each starts again when it is asked."""
        for child in self._children.values():
            child.close()

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children.values())

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    @contextlib.contextmanager
    def fresh(self, name: str) -> Iterator[Child]:
        """A process of an engine that has measured nothing yet and ends with the block."""
        child = self._child(name)
        try:
            yield child
        finally:
            child.close()
