"""The figures to reach, each with what was measured."""

import statistics
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]


@dataclass
class Row:
    """A line of the table. `met` is None where nothing was measured that could tell."""

    what: str
    reach: str
    measured: str
    met: bool | None = None


def times(result: Results) -> list[float]:
    return [value for turn in result.get("rounds", []) for value in turn]


def least(result: Results) -> float | None:
    return min(times(result), default=None)


def median(result: Results) -> float | None:
    return statistics.median(times(result)) if times(result) else None


def ratio(other: Results, ours: Results) -> tuple[float, str] | None:
    """Least time by least time, and the range of the same ratio over the rounds."""
    if not times(other) or not times(ours):
        return None
    turns = [min(a) / min(b) for a, b in zip(other["rounds"], ours["rounds"])]
    return min(times(other)) / min(times(ours)), f"{min(turns):.2f} to {max(turns):.2f}"


FASTER_THAN_ORT = {"1x16": 1.2, "1x32": 1.2, "1x128": 1.0, "8x128": 1.2, "1x512": 1.4, "1x2048": 1.8, "ragged-32": 2.0}
FASTER_THAN_TORCH = {"1x16": 7.0, "1x32": 5.0, "1x128": 2.3, "8x128": 1.3, "1x512": 1.5, "1x2048": 4.0}
PART_OF_BARE = {"1x16": 0.6, "1x128": 0.95, "8x128": 1.06, "1x512": 1.06}
INT8_FASTER_THAN_ORT_INT8 = {"1x16": 1.0, "1x32": 1.0, "1x128": 1.1, "8x128": 1.1, "1x512": 1.1, "1x2048": 1.0,
                            "ragged-32": 1.5}
BF16_FASTER = {"8x128": 1.45}
V1_FASTER_THAN_ORT = {"1x128": 1.2, "8x128": 1.2}


def rows(results: Results) -> list[Row]:
    """Every figure, and the stream of texts."""
    if results.get("model") == "v1":
        return [_forward(results.get("forward", {}), shape, "ort", "faster than ONNX Runtime fp32", reach, False)
                for shape, reach in V1_FASTER_THAN_ORT.items()]
    return (_speed(results.get("forward", {})) + _overhead(results.get("overhead", {}))
            + _adapters(results.get("adapters", {})) + _process(results) + _training(results.get("training", {}))
            + _stream(results.get("stream", {})))


def _forward(forward: Results, shape: str, peer: str, title: str, reach: float, is_part: bool, own: str = "host") -> Row:
    shapes = forward.get(shape, {})
    ours, other = shapes.get(own, {}), shapes.get(peer, {})
    found = ratio(ours, other) if is_part else ratio(other, ours)
    what = f"forward {shape}, {title}"
    goal = f"<= {reach}" if is_part else "> 1.0 x" if reach == 1 else f">= {reach} x"
    if found is None:
        return Row(what, goal, _why(other, ours))
    value, spread = found
    met = value <= reach if is_part else value > 1 if reach == 1 else value >= reach
    return Row(what, goal, f"{value:.2f}{'' if is_part else ' x'} ({spread})", met)


def _speed(forward: Results) -> list[Row]:
    made = []
    for shape, reach in FASTER_THAN_ORT.items():
        padded = ", padded" if shape == "ragged-32" else ""
        made.append(_forward(forward, shape, "ort", "faster than ONNX Runtime fp32" + padded, reach, False))
    for shape, reach in FASTER_THAN_TORCH.items():
        made.append(_forward(forward, shape, "torch", "faster than PyTorch + adapters", reach, False))
    for shape, reach in INT8_FASTER_THAN_ORT_INT8.items():
        made.append(_forward(forward, shape, "ort-int8", "int8, faster than ONNX Runtime int8", reach, False, "host-int8"))
    for shape, reach in BF16_FASTER.items():
        made.append(_forward(forward, shape, "host", "bf16, faster than ours in float32", reach, False, "host-bf16"))
    for shape, reach in PART_OF_BARE.items():
        made.append(_forward(forward, shape, "bare", "time / bare OpenBLAS products", reach, True))
    return made


def _overhead(overhead: Results) -> list[Row]:
    goals = {"lora": ("one LoRA over the base", 4), "seq_bn": ("one seq_bn over the base", 4),
             "mixed-lora": ("16 different LoRA (q, v) in one batch over the base", 10),
             "heads": ("4 heads instead of 1", 2)}
    made = []
    measured = overhead.get("host", {})
    for key in measured or goals:
        scenario, _, shape = key.partition(" ")
        title, goal = goals[scenario]
        reply = measured.get(key, {})
        row = Row(f"{title}, {shape}".removesuffix(", "), f"<= {goal} % more time", _why(reply))
        if "ms" in reply:
            more = 100 * (reply["ms"] / reply["base_ms"] - 1)
            middle = 100 * (reply["median_ms"] / reply["base_median_ms"] - 1)
            row.measured, row.met = f"{more:+.1f} % (medians {middle:+.1f} %){_peer(overhead, key)}", more <= goal
        made.append(row)
    return made


def _peer(overhead: Results, key: str) -> str:
    reply = overhead.get("torch", {}).get(key, {})
    if "ms" not in reply:
        return ""
    how = f", {reply['how']}" if "how" in reply else ""
    return f"; PyTorch {100 * (reply['ms'] / reply['base_ms'] - 1):+.0f} %{how}"


def _adapters(adapters: Results) -> list[Row]:
    made = []
    for scenario, title, goal in (("switch", "switch the active adapter", 1), ("load", "load an adapter from disk", 5)):
        keys = [key for key in adapters if key.startswith(scenario)] or [scenario]
        for key in keys:
            others = key.removeprefix(scenario).strip()
            reply = adapters.get(key, {})
            row = Row(f"{title}, {others or 'no'} others loaded", f"< {goal} ms", _why(reply))
            if "ms" in reply:
                row.measured = f"{reply['median_ms']:.4g} ms (least {reply['ms']:.4g})"
                if "after_ms" in reply:
                    more = reply["after_median_ms"] - reply["base_median_ms"]
                    row.measured += f"; the pass after it {more:+.2f} ms"
                row.met = reply["median_ms"] < goal
            made.append(row)
    return made + _listing(adapters)


def _listing(adapters: Results) -> list[Row]:
    made = []
    for key in [key for key in adapters if key.startswith("list")] or ["list"]:
        count = key.removeprefix("list").strip()
        reply = adapters.get(key, {})
        row = Row(f"adapter-cli list of {int(count or 1000):,} adapters, start to exit", "< 100 ms", _why(reply))
        if "ms" in reply:
            row.measured = (f"{reply['median_ms']:.3g} ms (least {reply['ms']:.3g}), "
                            f"of it the query {reply['query_median_ms']:.2g}")
            row.met = reply["median_ms"] < 100
        made.append(row)
    return made


def _process(results: Results) -> list[Row]:
    cold, memory = results.get("cold", {}), results.get("memory", {})
    start = Row("cold adapter-cli predict, files in the page cache", "< 0.6 s", _why(cold))
    if "seconds" in cold:
        start.measured = f"{cold['median_seconds']:.2f} s (least {cold['seconds']:.2f})"
        start.met = cold["median_seconds"] < 0.6
    ours = memory.get("host", {})
    resident = Row("resident memory after a request of 1x128", "<= 600 MB", _why(ours))
    extra = Row(f"extra memory for a sequence of {memory.get('shape', '1x4096')}", "<= 150 MB", _why(ours))
    if "request_mb" in ours:
        resident.measured = (f"{ours['request_mb']:.0f} MB, of it {ours['request_mapped_mb']:.0f} of the file"
                             + _others(memory, "request_mb"))
        resident.met = ours["request_mb"] <= 600
        extra.measured = (f"{ours['long_extra_mb']:.0f} MB, of it {ours['long_extra_anonymous_mb']:.0f} not of the file"
                          + _others(memory, "long_extra_mb"))
        if memory["shape"] == "1x4096":
            extra.met = ours["long_extra_mb"] <= 150
    return [start, resident, extra]


def _others(memory: Results, key: str) -> str:
    names = {"ort": "ONNX Runtime", "torch": "PyTorch"}
    known = [f"{title} {memory[name][key]:.0f}" for name, title in names.items() if key in memory.get(name, {})]
    return "; " + ", ".join(known) if known else ""


TRAININGS = {"train-lora": ("LoRA", 1.5, 0.5), "train-seq_bn": ("seq_bn", 1.5, 0.5),
             "train-top": ("seq_bn in the upper 6 layers", 2.5, None)}
"""What is trained, how much faster it is to be than PyTorch + adapters, and the part of its memory."""


def _training(training: Results) -> list[Row]:
    made = []
    for scenario, (title, faster, part) in TRAININGS.items():
        ours, other = training.get(scenario, {}).get("host", {}), training.get(scenario, {}).get("torch", {})
        shape = training.get("shape", "8x128")
        how = "; states below cached, which PyTorch + adapters cannot" if scenario == "train-top" else ""
        speed = Row(f"a training step of {title}, {shape}, faster than PyTorch + adapters{how}", f">= {faster} x",
                    _why(other, ours))
        memory = Row(f"process peak of training {title}, {shape}, part of PyTorch + adapters'",
                     f"<= {part}" if part else "", _why(other, ours))
        found = ratio(other, ours)
        if found is not None:
            speed.measured, speed.met = f"{found[0]:.2f} x ({found[1]})", found[0] >= faster
            share = ours["peak_mb"] / other["peak_mb"]
            memory.measured = f"{share:.2f}, {ours['peak_mb']:.0f} MB of {other['peak_mb']:.0f}"
            memory.met = share <= part if part else None
        made += [speed, memory]
    return made


def _stream(stream: Results) -> list[Row]:
    made = []
    for name, title in (("host", "adapter-cli predict"), ("ort", "ONNX Runtime"), ("torch", "PyTorch + adapters")):
        reply = stream.get(name, {})
        row = Row(f"a stream of {stream.get('texts') or 10_000:,} texts, {title}", "", _why(reply))
        if "seconds" in reply and stream.get("tokens"):
            row.measured = f"{stream['tokens'] / reply['seconds']:,.0f} tokens/s"
            ours = stream.get("host", {}).get("seconds")
            if name != "host" and ours:
                row.measured += f" (ours {reply['seconds'] / ours:.2f} x)"
        made.append(row)
    return made


def _why(*replies: Results) -> str:
    """Why there is no number."""
    return next((f"failed: {reply['error']}" for reply in replies if "error" in reply), "not measured")
