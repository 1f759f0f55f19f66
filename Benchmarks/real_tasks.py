#!/usr/bin/env python3
"""Trains the four shipped tasks with adapter-cli, and times the Python library on the same data.

    Benchmarks/real_tasks.py --model BASE --train DIR --eval DIR --work DIR [--python VENV/bin/python]

--model is the base that the reference's adapters were trained on; on it each task is trained with three seeds, and once
more on the shipped base, which is that one trained on. --train holds NAME.train.jsonl.xz, NAME.dev.jsonl.xz and
NAME.labels.json; --eval NAME.test.jsonl. Runs whose summary is in --work already are not repeated. Times are of a few
steps of either engine, in turn, each in a process of its own; with --python only. Writes results/tasks.md and tasks.json.
"""

import argparse
import json
import lzma
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TASKS = {  # configuration, head, learning rate, steps, metric
    "debian-section": ("seq_bn", "classification", 1.5e-3, 700, "accuracy"),
    "wordnet-domain": ("par_bn", "classification", 1e-3, 2200, "accuracy"),
    "truecase": ("double_seq_bn", "tagging", 1.5e-3, 700, "accuracy"),
    "debian-facets": ("lora[alpha=16]", "multilabel_classification", 3e-3, 700, "micro_f1"),
}
REFERENCE = {"debian-section": 0.769, "wordnet-domain": 0.764, "truecase": 0.944, "debian-facets": 0.693}
LINEAR = {"debian-section": "76.8", "wordnet-domain": "73.5", "truecase": "85.5 (all lower)", "debian-facets": "56.8"}
BATCH = 32


def unpacked(source: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    target = work / source.name.removesuffix(".xz")
    if not target.exists():
        target.write_bytes(lzma.open(source).read())
    return target


def command(options: argparse.Namespace, task: str, steps: int, seed: int, output: pathlib.Path,
            model: pathlib.Path | None = None) -> list[str]:
    config, head, rate, _, _ = TASKS[task]
    labels = json.loads((options.train / f"{task}.labels.json").read_text())
    return [str(options.cli), "train", "--model", str(model or options.model), "--adapter", task, "--config", config,
            "--head", head, "--labels", ",".join(labels), "--train",
            str(unpacked(options.train / f"{task}.train.jsonl.xz", options.work)), "--dev",
            str(unpacked(options.train / f"{task}.dev.jsonl.xz", options.work)), "--test",
            str(options.eval / f"{task}.test.jsonl"), "--steps", str(steps), "--batch-size", str(BATCH),
            "--learning-rate", str(rate), "--warmup-steps", "50", "--max-length", "128", "--evaluate-every", "end",
            "--seed", str(seed),
            "--unregistered", "--json", "--output", str(output)]


def trained(options: argparse.Namespace, task: str, seed: int, model: pathlib.Path | None = None) -> dict:
    """The summary of a whole run; on the shipped base it is kept apart."""
    summary = options.work / ("shipped" if model else "runs") / f"{task}-{seed}.json"
    if not summary.exists():
        print(f"{summary.parent.name}: {task}, seed {seed}", file=sys.stderr)
        summary.parent.mkdir(exist_ok=True)
        run = subprocess.run(
            command(options, task, TASKS[task][3], seed, summary.parent / f"{task}-{seed}", model),
            check=True, capture_output=True, text=True)
        summary.with_suffix(".err").write_text(run.stderr)
        summary.write_text(run.stdout)
    parameters = re.search(r": ([\d,]+) parameters", summary.with_suffix(".err").read_text())
    return json.loads(summary.read_text()) | {"parameters": parameters.group(1) if parameters else ""}


def timed(options: argparse.Namespace, task: str) -> dict:
    """Milliseconds of a step and peak memory, of both engines."""
    folder = options.work / "timing" / f"{task}-{time.time_ns()}"
    steps = 20
    ours = [str(HERE / "real_tasks.py"), "--child", json.dumps(command(options, task, steps, 1, folder))]
    theirs = [str(HERE / "real_tasks.py"), "--peer", task, "--train", str(options.train), "--work", str(options.work),
              "--model", str(options.model)]
    result = {}
    for name, program, words in (("ours", sys.executable, ours), ("python", options.python, theirs)):
        answer = subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout
        result[name] = json.loads(answer.splitlines()[-1])
    return result


def child(words: list[str]) -> None:
    """Runs adapter-cli; the steps' own time is in its log."""
    output = pathlib.Path(words[words.index("--output") + 1])
    subprocess.run(words, check=True, capture_output=True)
    steps = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    seconds = [event["seconds"] for event in steps if event["event"] == "step"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"ms": 1e3 * statistics.median(b - a for a, b in zip(seconds, seconds[1:])), "peak_mb": round(peak)}))


def peer(options: argparse.Namespace, task: str) -> None:
    """Some steps of the same recipe with adapters and PyTorch: batches of 32 in random order, padded."""
    import random
    import warnings

    warnings.filterwarnings("ignore")
    import torch
    from adapters import DebertaV2AdapterModel
    from transformers import AutoTokenizer

    torch.set_num_threads(2)
    config, head, rate, _, _ = TASKS[task]
    labels = json.loads((options.train / f"{task}.labels.json").read_text())
    lines = unpacked(options.train / f"{task}.train.jsonl.xz", options.work).read_text().splitlines()
    rows = [json.loads(line) for line in random.Random(1).sample(lines, 30 * BATCH)]
    tokenizer = AutoTokenizer.from_pretrained(options.model, use_fast=False)
    model = DebertaV2AdapterModel.from_pretrained(options.model)
    model.add_adapter("a", config=config)
    if head == "tagging":
        model.add_tagging_head("a", num_labels=len(labels))
    else:
        model.add_classification_head("a", num_labels=len(labels), multilabel=head.startswith("multi"))
    model.train_adapter("a")
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate)
    batches = [tokenizer([row["text"] for row in rows[first : first + BATCH]], truncation=True, max_length=128,
                         padding=True, return_tensors="pt") for first in range(0, len(rows), BATCH)]
    times = []
    for inputs in batches:
        start = time.perf_counter()
        size = inputs["input_ids"].shape
        target = {"classification": lambda: torch.randint(len(labels), (size[0],)),
                  "multilabel_classification": lambda: torch.randint(2, (size[0], len(labels))).float(),
                  "tagging": lambda: torch.randint(len(labels), tuple(size))}[head]()
        optimizer.zero_grad()
        model(**inputs, labels=target).loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": 1e3 * statistics.median(times[5:]), "peak_mb": round(peak)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=pathlib.Path)
    parser.add_argument("--eval", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--shipped", type=pathlib.Path, default=ROOT / "Models" / "deberta-v3-tiny-en")
    parser.add_argument("--cli", type=pathlib.Path, default=ROOT / ".build/release/adapter-cli")
    parser.add_argument("--python", help="the peers' Python")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.model and not options.child:
        parser.error("--model: the base that the reference's adapters were trained on")
    if options.child:
        return child(options.child)
    if options.peer:
        return peer(options, options.peer)
    results_file = HERE / "results" / "tasks.json"
    results = {}
    lines = ["| task | method | trained parameters | linear | reference | here, mean of seeds (range) | shipped |",
             "|---|---|---|---|---|---|---|"]
    if options.python:
        lines = [lines[0] + " ms a step: here / Python | peak MB: here / Python |", lines[1] + "---|---|"]
    for task, (config, _, _, steps, metric) in TASKS.items():
        runs = [trained(options, task, seed) for seed in range(1, options.seeds + 1)]
        values = [run["test"][0][metric] for run in runs]
        shipped = trained(options, task, 1, options.shipped)["test"][0][metric]
        times = timed(options, task) if options.python else {}
        results[task] = {"metric": metric, "values": values, "shipped": shipped, "steps": steps, "times": times}
        percent = [f"{100 * value:.1f}" for value in (statistics.mean(values), min(values), max(values))]
        cells = [f"{times['ours'][key]:.0f} / {times['python'][key]:.0f}" if times else "" for key in ("ms", "peak_mb")]
        lines.append(f"| {task} | {config}, {steps} steps | {runs[0]['parameters']} | {LINEAR[task]} | "
                     f"{100 * REFERENCE[task]:.1f} | {percent[0]} ({percent[1]} to {percent[2]}) | {100 * shipped:.1f} |"
                     + (f" {cells[0]} | {cells[1]} |" if times else ""))
    results_file.write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "results" / "tasks.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
