"""Measurements of the command line program, whole processes, and the same texts through the peers."""

import pathlib
import statistics
import subprocess
import time

from .children import Children, MeasurementFailed, Reply
from .measurements import Run

TEXT = "A small library for reading and writing PDF files from Python programs."


class CommandLine:
    """`adapter-cli`; `predict` on the benchmark's checkpoint, with its LoRA adapter and that adapter's head."""

    def __init__(self, program: pathlib.Path, checkpoint: pathlib.Path, logs: pathlib.Path):
        self.program = program
        self.arguments = ["--model", str(checkpoint / "base"), "--adapter", f"lora={checkpoint / 'lora'}"]
        self.log = logs / "adapter-cli.log"

    def predict(self, *arguments: str, texts: pathlib.Path | None = None, output: pathlib.Path | None = None,
                timeout: float) -> float:
        """Seconds that `predict` takes from start to exit. Raises MeasurementFailed."""
        return self.seconds("predict", "--json", *self.arguments, *arguments, texts=texts, output=output,
                            timeout=timeout)

    def seconds(self, name: str, *arguments: str, texts: pathlib.Path | None = None,
                output: pathlib.Path | None = None, timeout: float) -> float:
        """Seconds that a command takes from start to exit. Raises MeasurementFailed."""
        command = [str(self.program), name, *arguments]
        with open(texts or "/dev/null") as source, open(output or "/dev/null", "w") as sink, self.log.open("a") as log:
            start = time.perf_counter()
            try:
                subprocess.run(command, stdin=source, stdout=sink, stderr=log, timeout=timeout, check=True)
            except subprocess.CalledProcessError as error:
                raise MeasurementFailed(f"adapter-cli {name}: exit {error.returncode}; see {self.log.name}") from None
            except subprocess.TimeoutExpired:
                raise MeasurementFailed(f"adapter-cli {name} took more than {timeout:.0f} s") from None
            except OSError as error:
                raise MeasurementFailed(f"adapter-cli does not start: {error.strerror}") from None
            return time.perf_counter() - start


def cold_start(run: Run, command: CommandLine) -> Reply:
    """Start to exit of a process for one text; the files are in the page cache after a start that does not count."""
    run.say("cold start of adapter-cli predict")

    def measure() -> Reply:
        seconds = [command.predict(TEXT, timeout=run.effort.timeout) for _ in range(run.effort.cold_starts + 1)][1:]
        return {"seconds": min(seconds), "median_seconds": statistics.median(seconds), "times": seconds}

    return run.attempt(measure)


def listing(run: Run, command: CommandLine, children: Children, adapters: int) -> Reply:
    """Listing a registry of so many adapters: the command from start to exit, and the query alone in a process."""
    run.say(f"list with {adapters:,} adapters")

    def measure() -> Reply:
        with children.fresh("host") as child:
            reply = child.ask("list", str(adapters), run.effort.seconds, run.effort.timeout)
        times = [command.seconds("list", "--table", "--registry", reply["registry"], timeout=run.effort.timeout)
                 for _ in range(run.effort.cold_starts + 1)][1:]
        return {"ms": 1000 * min(times), "median_ms": 1000 * statistics.median(times), "times": times,
                "query_ms": reply["ms"], "query_median_ms": reply["median_ms"]}

    return run.attempt(measure)


def stream(run: Run, command: CommandLine, children: Children, texts: pathlib.Path, source: str) -> Reply:
    """All texts once through every engine, tokenising included; for ours the whole process, start included."""
    count = sum(1 for _ in texts.open(encoding="utf-8"))
    timeout = run.effort.timeout + 2 * count
    run.say(f"a stream of {count:,} texts")
    results: Reply = {"source": source}
    with children.fresh("host") as child:
        counted = run.attempt(lambda: child.ask("tokens", "-", 0, timeout, texts=str(texts)))
    results |= {"texts": count, "tokens": counted.get("tokens")}

    def ours() -> Reply:
        output = texts.with_suffix(".predictions")
        seconds = command.predict(texts=texts, output=output, timeout=timeout)
        answered = sum(1 for _ in output.open(encoding="utf-8"))
        if answered != count:
            raise MeasurementFailed(f"adapter-cli predict answered {answered} of {count} texts")
        return {"seconds": seconds}

    results["host"] = run.attempt(ours)
    for engine in ("ort", "torch"):
        if engine in children:
            run.say(f"  {engine}")
            with children.fresh(engine) as child:
                results[engine] = run.attempt(
                    lambda: child.ask("stream", f"{count} texts", 0, timeout, texts=str(texts)))
    return results
