"""The results as a page of Markdown."""

from .figures import Results, least, median, ratio, rows, times

TITLES = {"host": "ours", "host-bf16": "ours bf16", "host-int8": "ours int8", "bare": "bare OpenBLAS", "ort": "ONNX Runtime", "ort-int8": "ONNX Runtime int8",
          "torch": "PyTorch + adapters"}


def markdown(results: Results) -> str:
    """The whole page."""
    return "\n\n".join(["# Benchmark", _heading(results), "## Figures to reach", _figures(results), "## Milliseconds",
                        _milliseconds(results.get("forward", {})), "## Training, milliseconds a step",
                        _training(results.get("training", {})), _notes(results)]) + "\n"


def _heading(results: Results) -> str:
    runs: dict[str, list[str]] = {}
    for name, about in results["sections"].items():
        run = (f"{about['machine']}; {about['date']}, commit {about['commit']}, {about['threads']} threads, load "
               f"{about['load']} before; `{about['command']}`")
        runs.setdefault(run, []).append(f"{name} ({about['stolen']})")
    lines = [f"- {TITLES[name]}: {version}" for name, version in results["engines"].items()]
    return "\n".join([f"- {', '.join(names)}: {run}" for run, names in runs.items()] + lines)


def _figures(results: Results) -> str:
    words = {True: "yes", False: "**no**", None: ""}
    return _table(["what", "reach", "measured", "met"],
                  [[row.what, row.reach, row.measured, words[row.met]] for row in rows(results)])


def _milliseconds(forward: Results) -> str:
    names = [name for name in TITLES if any(name in engines for engines in forward.values())]
    body = []
    for shape, engines in forward.items():
        line = [shape]
        for name in names:
            result = engines.get(name, {})
            if not times(result):
                line.append("failed" if "error" in result else "")
                continue
            cell = f"{least(result):.1f} / {median(result):.1f}"
            found = ratio(result, engines.get("host", {}))
            line.append(cell if name == "host" or found is None else f"{cell} ({found[0]:.2f} x)")
        body.append(line)
    return ("Least / median (least time as a multiple of ours). Engines took turns, in rounds.\n\n"
            + _table(["rows x tokens", *(TITLES[name] for name in names)], body))


def _training(training: Results) -> str:
    body = []
    for scenario in (name for name in training if name != "shape"):
        engines = training[scenario]
        line = [f"{scenario}, {training['shape']}"]
        for name in ("host", "torch"):
            result = engines.get(name, {})
            if not times(result):
                line += ["failed" if "error" in result else "", ""]
                continue
            line += [f"{least(result):.0f} / {median(result):.0f}", f"{result['peak_mb']:.0f}"]
        body.append(line)
    return ("Least / median of the steps after two, and the peak of the process (VmHWM, MB of 2^20 bytes). train-top is "
            "seq_bn in layers 6 to 11: ours reads the states below them from its cache, as from the second epoch on; "
            "PyTorch + adapters has no such cache and computes them in every step.\n\n"
            + _table(["", TITLES["host"], "peak", TITLES["torch"], "peak"], body))


def _notes(results: Results) -> str:
    notes = ["A ratio is least time by least time; in brackets, its range over the rounds.",
             "The stream: " + results.get("stream", {}).get("source", "not measured") + ". Ours is the whole process "
             "with LoRA and a head, start included; PyTorch the same without the start; ONNX Runtime the base model "
             "without adapter and head. The peers pad batches of 32, sorted by length."]
    for name, about in results["sections"].items():
        notes += [f"{name}: {note}" for note in about["notes"] + [f"failed: {failure}" for failure in about["failures"]]]
    return "\n".join(f"- {note}" for note in notes)


def _table(heads: list[str], body: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
