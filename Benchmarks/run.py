#!/usr/bin/env python3
"""Measures this project beside what a user would run instead, and writes a table and a plot.

    make bench                                                   # builds first
    Benchmarks/run.py --python VENV/bin/python --texts A.jsonl.xz B.jsonl.xz
    Benchmarks/run.py --quick                                    # a minute or two: does everything work?

The peers need a Python with torch, adapters and onnxruntime (see peers.py): --python or $PEERS_PYTHON; without it
they are left out. README.md says what is measured, and how.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

from runner import commands, machine, plot, table, texts
from runner.children import Children, Reply
from runner.measurements import Effort, Run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SECTIONS = ["forward", "overhead", "adapters", "memory", "training", "cold", "stream"]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=os.environ.get("PEERS_PYTHON"), help="the peers' Python; $PEERS_PYTHON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", choices=["v3", "v1"], default="v3", help="whose base the checkpoint has the shape of; "
                        "of v1 the forward pass alone is measured")
    parser.add_argument("--only", help="parts to measure; others stay as they were")
    parser.add_argument("--shapes", help="rows x tokens of the forward pass, with commas")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="time for an engine's turn")
    parser.add_argument("--texts", nargs="*", type=pathlib.Path, default=[], help="files for the stream: JSON Lines "
                        "with \"text\", or plain lines; also .xz. Without: made-up texts")
    parser.add_argument("--stream-texts", type=int, help="how many; 10,000")
    parser.add_argument("--quick", action="store_true", help="a short check; the numbers mean little")
    parser.add_argument("--work", type=pathlib.Path, default=HERE / ".work", help="where the checkpoint is made")
    parser.add_argument("--results", type=pathlib.Path, help="where the table goes; Benchmarks/results")
    parser.add_argument("--bin", type=pathlib.Path, default=HERE / ".build/release", help="make-checkpoint and engine")
    parser.add_argument("--cli", type=pathlib.Path, default=ROOT / ".build/release/adapter-cli")
    options = parser.parse_args()
    sections = SECTIONS if options.model == "v3" else ["forward"]
    options.only = options.only or ",".join(sections)
    unknown = set(options.only.split(",")) - set(sections)
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))}? Of {options.model} there are {', '.join(sections)}.")
    for program in (options.bin / "engine", options.bin / "make-checkpoint"):
        if not program.exists():
            parser.error(f"{program.name} is not built: swift build -c release --package-path Benchmarks")
    results = options.work / "quick" if options.quick else HERE / "results"
    options.results = options.results or (results if options.model == "v3" else results / options.model)
    options.stream_texts = options.stream_texts or (32 if options.quick else 10_000)
    return options


def effort(options: argparse.Namespace) -> Effort:
    chosen = Effort.quick() if options.quick else Effort()
    chosen.shapes = options.shapes.split(",") if options.shapes else chosen.shapes
    chosen.rounds = options.rounds or chosen.rounds
    chosen.training_rounds = options.rounds or chosen.training_rounds
    chosen.seconds = chosen.seconds if options.seconds is None else options.seconds
    return chosen


def checkpoint(options: argparse.Namespace) -> pathlib.Path:
    """The folder of the checkpoint, made if it is missing."""
    folder = options.work / f"{options.model}base"
    if not (folder / "base" / "model.safetensors").exists():
        say("making the checkpoint, 560 MB or more")
        tokenizer = ROOT / "Models" / "deberta-v3-tiny-en"
        command = [options.bin / "make-checkpoint", folder, "--tokenizer", tokenizer, "--model", options.model]
        subprocess.run(command, check=True)
    return folder


def peers(options: argparse.Namespace, folder: pathlib.Path, notes: list[str]) -> dict[str, list[str]]:
    """The commands of the peers whose Python packages are there; exports for ONNX Runtime if that is missing."""
    python = shutil.which(options.python) if options.python else None
    if python is None:
        notes.append("The peers were left out: no Python for them, neither --python nor $PEERS_PYTHON.")
        return {}

    def imports(*names: str) -> bool:
        return subprocess.run([python, "-c", f"import {', '.join(names)}"], capture_output=True).returncode == 0

    has_torch, has_runtime = imports("torch", "transformers", "adapters"), imports("onnxruntime", "transformers")
    names = ["torch"] if has_torch else []
    if has_runtime:
        exported = [folder / "base.onnx", folder / "base-int8.onnx"]
        if has_torch and not all(file.exists() for file in exported):
            say("exporting to ONNX")
            subprocess.run([python, HERE / "export_onnx.py", folder], stdout=sys.stderr)
        names += [name for name, file in zip(("ort", "ort-int8"), exported) if file.exists()]
    notes += [f"{table.TITLES[name]} was left out: its packages or its export are missing."
              for name in ("ort", "ort-int8", "torch") if name not in names]
    return {name: [python, str(HERE / "peers.py"), name, str(folder), "--threads", str(options.threads)]
            for name in ("ort", "ort-int8", "torch") if name in names}


def measure(options: argparse.Namespace, folder: pathlib.Path, about: Reply, results: Reply) -> None:
    """Fills in the parts that were asked for, one after the other, and writes after each.

    `about` is what every part says of this run.
    """
    notes: list[str] = []
    ours = [str(options.bin / "engine"), str(folder), "--threads", str(options.threads), "--kind"]
    engines = {name: [*ours, name] for name in ("host", "host-bf16", "host-int8")} | peers(options, folder, notes)
    if options.model == "v3":  # whose products the bare engine lists
        engines["bare"] = [*ours, "bare"]
    logs = options.work / "logs"
    with Children(engines, logs) as children:
        run = Run(children, effort(options), say)
        command = commands.CommandLine(options.cli, folder, logs)

        def stream() -> Reply:
            file = options.work / "texts.txt"
            source = texts.write(file, options.stream_texts, options.texts, folder / "base")
            return commands.stream(run, command, children, file, source)

        def adapters() -> Reply:
            crowd = run.effort.crowd
            return run.adapters() | {f"list {crowd}": commands.listing(run, command, children, crowd)}

        parts = {"forward": run.forward, "overhead": run.overhead, "adapters": adapters, "memory": run.memory,
                 "training": run.training, "cold": lambda: commands.cold_start(run, command), "stream": stream}
        for name in SECTIONS:
            if name not in options.only.split(","):
                continue
            stolen, run.failures = machine.Stolen(), []
            results[name] = parts[name]()
            results["sections"][name] = about | {"stolen": str(stolen), "failures": run.failures, "notes": notes}
            results["engines"] |= {child.name: child.version for child in children if child.version}
            write(options.results, results)
            if name == "overhead":  # the rest starts processes of its own, which need the memory
                children.close()


def write(folder: pathlib.Path, results: Reply) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(table.markdown(results), encoding="utf-8")
    (folder / "plot.svg").write_text(plot.svg(results.get("forward", {})), encoding="utf-8")


def earlier(options: argparse.Namespace) -> Reply:
    """Results of parts that are not measured now."""
    file = options.results / "results.json"
    known: Reply = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = [name for name in known.get("sections", {}) if name not in options.only.split(",")]
    return ({"model": options.model, "engines": known.get("engines", {}), "sections": {name: known["sections"][name] for name in kept}}
            | {name: known[name] for name in kept})


def main() -> None:
    # A request to end ends children too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = arguments()
    command = machine.without_folders(shlex.join(["Benchmarks/run.py", *sys.argv[1:]]))
    about = {"machine": machine.line(), "date": machine.today(), "commit": machine.commit(ROOT), "load": machine.load(),
             "threads": options.threads, "command": command}
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        measure(options, checkpoint(options), about, earlier(options))
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured is written")
    say(f"wrote {options.results.name}/table.md, results.json and plot.svg")


if __name__ == "__main__":
    main()
