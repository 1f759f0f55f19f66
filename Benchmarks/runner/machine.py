"""The machine that a run was on, in words, and how busy it was."""

import datetime
import os
import pathlib
import platform
import re
import subprocess


def line() -> str:
    """Processor, cores, memory, system."""
    processor = pathlib.Path("/proc/cpuinfo").read_text()

    def find(pattern: str) -> str:
        found = re.search(pattern, processor)
        return found.group(1) if found else "?"

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name, family, model = find(r"model name\s*: (.*)"), find(r"cpu family\s*: (\d+)"), find(r"model\s*: (\d+)")
    return (f"{name} (family {family}, model {model}), {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
            f"Linux {platform.release()}, Python {platform.python_version()}")


def commit(folder: pathlib.Path) -> str:
    """The commit of the project, and whether its sources differ from it."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "Sources", "Package.swift")
        return (git("rev-parse", "--short=10", "HEAD") or "unknown") + (" with changes" if changed else "")
    except OSError:
        return "unknown"


def without_folders(text: str) -> str:
    """A text with absolute paths cut to their last part: results say nothing of the machine's folders."""
    return re.sub(r"(?<![\w.])/(?:[\w.+,@-]+/)+", "", text)


def today() -> str:
    return datetime.date.today().isoformat()


def load() -> str:
    """How many processes ran lately; a run should begin on a quiet machine."""
    return f"{os.getloadavg()[0]:.2f}"


class Stolen:
    """How much of the processors other machines on the same host took between the start and `__str__`."""

    def __init__(self) -> None:
        self._start = self._times()

    @staticmethod
    def _times() -> list[int]:
        return [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]

    def __str__(self) -> str:
        spent = [now - then for now, then in zip(self._times(), self._start)]
        return f"{100 * spent[7] / max(sum(spent), 1):.1f} % stolen"
