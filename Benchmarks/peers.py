#!/usr/bin/env python3
"""What a user would run instead: PyTorch + adapters, and ONNX Runtime in fp32 and int8, on the same checkpoint.

    pip install torch transformers==4.57.6 adapters==1.3.0 onnx onnxscript onnxruntime sentencepiece
    peers.py torch|ort|ort-int8 DIR --scenario forward --shapes 1x16,8x128,ragged-32
    peers.py torch|ort|ort-int8 DIR            # answers lines of JSON, as Benchmarks' engine does

DIR is a folder of make-checkpoint, for ONNX Runtime with what export_onnx.py adds. Scenarios: forward and stream (all
engines), lora, seq_bn, mixed-lora, heads, train-lora, train-seq_bn, train-top (torch alone). Each prints a line of
JSON; "ms" is the least time.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

warnings.filterwarnings("ignore")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

VOCABULARY = 50_000  # ids that either model has
MIXED = [f"lora-{index}" for index in range(16)]
HEADS = [f"head-{index}" for index in range(4)]
TRAINED = {"train-lora": "lora", "train-seq_bn": "seq_bn", "train-top": "seq_bn[leave_out=[0,1,2,3,4,5]]"}
Pass = Callable[[], Any]
Reply = dict[str, Any]


def inputs(shape: str) -> tuple[Any, Any]:
    """Random ids and their mask: rows x tokens, or 32 rows of 8 to 256 tokens, padded."""
    import numpy as np

    random = np.random.default_rng(0)
    if shape != "ragged-32":
        rows, tokens = map(int, shape.split("x"))
        return random.integers(4, VOCABULARY, (rows, tokens)), np.ones((rows, tokens), dtype=np.int64)
    lengths = random.integers(8, 257, 32)
    ids = np.zeros((32, lengths.max()), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length], mask[row, :length] = random.integers(4, VOCABULARY, length), 1
    return ids, mask


def milliseconds(one_pass: Pass) -> float:
    start = time.perf_counter()
    one_pass()
    return (time.perf_counter() - start) * 1e3


def timed(one_pass: Pass, seconds: float) -> list[float]:
    """Repeats a pass for so many seconds, at least once, after one that does not count."""
    one_pass()
    end = time.perf_counter() + seconds
    times = [milliseconds(one_pass)]
    while time.perf_counter() < end:
        times.append(milliseconds(one_pass))
    return times


def pairs(first: Pass, second: Pass, seconds: float) -> tuple[list[float], list[float]]:
    """Takes turns between two passes, at least three of each."""
    first()
    second()
    end = time.perf_counter() + 2 * seconds
    times: tuple[list[float], list[float]] = ([], [])
    while len(times[0]) < 3 or time.perf_counter() < end:
        times[0].append(milliseconds(first))
        times[1].append(milliseconds(second))
    return times


def summary(times: list[float], prefix: str = "") -> Reply:
    return {
        f"{prefix}ms": round(min(times), 3),
        f"{prefix}median_ms": round(statistics.median(times), 3),
        f"{prefix}times": [round(value, 3) for value in times],
    }


def resident() -> tuple[float, float]:
    """Resident memory of this process now, and the most there was, in MB of 2^20 bytes."""
    fields = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return tuple(round(int(fields[name].split()[0]) / 1024, 1) for name in ("VmRSS", "VmHWM"))


class OnnxRuntime:
    """The exported base model, without adapters and heads."""

    packages = ("onnxruntime",)

    def __init__(self, folder: pathlib.Path, threads: int, file: str):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"])

    def forward(self, ids: Any, mask: Any) -> Any:
        return self.session.run(None, {"input_ids": ids, "attention_mask": mask})

    def stream_pass(self) -> Callable[[Any, Any], Any]:
        return self.forward

    def measure(self, scenario: str, shape: str, seconds: float) -> Reply:
        if scenario != "forward":
            raise ValueError(f"ONNX Runtime has no scenario '{scenario}' here")
        ids, mask = inputs(shape)
        return summary(timed(lambda: self.forward(ids, mask), seconds))


class Torch:
    """PyTorch with the `adapters` library."""

    packages = ("torch", "transformers", "adapters")

    def __init__(self, folder: pathlib.Path, threads: int):
        import torch
        from adapters import AutoAdapterModel

        torch.set_num_threads(threads)
        self.torch = torch
        self.folder = folder
        self.model = AutoAdapterModel.from_pretrained(folder / "base").eval()
        self.loaded: set[str] = set()
        self.trained: tuple[str, str] | None = None
        self.optimizer: Any = None

    def forward(self, ids: Any, mask: Any) -> Any:
        with self.torch.inference_mode():
            return self.model(self.torch.from_numpy(ids), self.torch.from_numpy(mask))

    def activate(self, adapter: str | None, heads: str | list[str] | None = None) -> None:
        self.model.set_active_adapters(adapter)
        self.model.active_head = heads

    def load(self, names: list[str], kind: str) -> None:
        """Loads adapters or heads that are not loaded yet."""
        for name in names:
            if name in self.loaded:
                continue
            load = self.model.load_head if kind == "head" else self.model.load_adapter
            load(str(self.folder / name), use_safetensors=True)
            self.loaded.add(name)

    def stream_pass(self) -> Callable[[Any, Any], Any]:
        self.load(["lora"], "adapter")
        self.activate("lora", "lora")
        return self.forward

    def measure(self, scenario: str, shape: str, seconds: float) -> Reply:
        ids, mask = inputs(shape)

        def base(heads: list[str] | None = None) -> None:
            self.activate(None, heads)
            self.forward(ids, mask)

        if scenario == "forward":
            self.activate(None)
            return summary(timed(lambda: self.forward(ids, mask), seconds))
        if scenario in ("lora", "seq_bn"):
            self.load([scenario], "adapter")

            def adapted() -> None:
                self.activate(scenario)
                self.forward(ids, mask)

            return self.against(base, adapted, seconds)
        if scenario == "mixed-lora":
            # BatchSplit of LoRA on the query raises an IndexError on DeBERTa: the rows of the position table are not
            # the batch's. So each adapter does its own rows, one after the other.
            self.load(MIXED, "adapter")

            def one_by_one() -> None:
                for index, name in enumerate(MIXED):
                    self.activate(name)
                    self.forward(ids[index :: len(MIXED)], mask[index :: len(MIXED)])

            return {"how": "one adapter at a time"} | self.against(base, one_by_one, seconds)
        if scenario == "heads":
            self.load(HEADS, "head")
            return self.against(lambda: base(HEADS[:1]), lambda: base(HEADS), seconds)
        if scenario in TRAINED:
            return self.train(scenario, shape, seconds)
        raise ValueError(f"PyTorch has no scenario '{scenario}' here")

    def train(self, scenario: str, shape: str, seconds: float) -> Reply:
        """Steps of training, after two that do not count; the next request goes on with the same training.

        An adapter and a classification head of three labels, the configuration's dropout, AdamW, one batch.
        """
        ids = self.torch.from_numpy(inputs(shape)[0])
        labels = self.torch.arange(len(ids)) % 3

        def step() -> float:
            self.optimizer.zero_grad()
            loss = self.model(input_ids=ids, labels=labels).loss
            loss.backward()
            self.optimizer.step()
            return loss.item()

        is_new = self.trained != (scenario, shape)
        if is_new:
            self.torch.manual_seed(1)
            self.model.add_adapter("trained", config=TRAINED[scenario], overwrite_ok=True)
            self.model.add_classification_head("trained", num_labels=3, overwrite_ok=True)
            self.model.train_adapter("trained")
            self.model.active_head = "trained"
            self.trained = scenario, shape
            self.optimizer = self.torch.optim.AdamW(self.parameters(), lr=1e-3, weight_decay=0)
        self.model.train()
        for _ in range(2 if is_new else 0):
            step()
        times, losses, end = [], [], time.perf_counter() + seconds
        while len(times) < 2 or time.perf_counter() < end:
            times.append(milliseconds(lambda: losses.append(step())))
        self.model.eval()
        return summary(times) | {"loss": losses[-1], "parameters": sum(each.numel() for each in self.parameters())}

    def parameters(self) -> list[Any]:
        """What is trained."""
        return [each for each in self.model.parameters() if each.requires_grad]

    @staticmethod
    def against(base: Pass, other: Pass, seconds: float) -> Reply:
        first, second = pairs(base, other, seconds)
        return summary(second) | summary(first, "base_")


ENGINES: dict[str, Callable[[pathlib.Path, int], Any]] = {
    "torch": Torch,
    "ort": lambda folder, threads: OnnxRuntime(folder, threads, "base.onnx"),
    "ort-int8": lambda folder, threads: OnnxRuntime(folder, threads, "base-int8.onnx"),
}


def padded_batches(texts: list[str], folder: pathlib.Path, size: int = 32) -> Iterator[tuple[Any, Any]]:
    """Tokenises all texts with the fast tokenizer, sorts them by length and pads batches of 32."""
    import numpy as np
    from transformers import AutoTokenizer

    rows = sorted(AutoTokenizer.from_pretrained(folder / "base")(texts).input_ids, key=len, reverse=True)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        ids = np.zeros((len(part), len(part[0])), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(part):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        yield ids, mask


def stream(engine: Any, texts_file: str, folder: pathlib.Path) -> Reply:
    """One pass over a file of texts, tokenising included."""
    texts = pathlib.Path(texts_file).read_text(encoding="utf-8").splitlines()
    one_pass = engine.stream_pass()
    list(padded_batches(texts[:1], folder))  # imports and the tokenizer's conversion do not count
    start, tokens = time.perf_counter(), 0
    for ids, mask in padded_batches(texts, folder):
        one_pass(ids, mask)
        tokens += int(mask.sum())
    return {"seconds": round(time.perf_counter() - start, 3), "texts": len(texts), "tokens": tokens}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=list(ENGINES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenario")
    parser.add_argument("--shapes", default="1x16,1x32,1x128,8x128,1x512,1x2048")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--texts", help="a file of texts, one on a line")
    options = parser.parse_args()
    # Libraries print to stdout at times; answers have it for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = ENGINES[options.engine](options.folder, options.threads)

    def say(reply: Reply) -> None:
        print(json.dumps({"engine": options.engine} | reply), file=answers, flush=True)

    def answer(scenario: str, shape: str, seconds: float, texts: str | None = None) -> Reply:
        measured = stream(engine, texts, options.folder) if scenario == "stream" and texts else engine.measure(
            scenario, shape, seconds)
        now, most = resident()
        return {"scenario": scenario, "shape": shape} | measured | {"rss_mb": now, "peak_mb": most}

    if options.scenario:
        for shape in options.shapes.split(","):
            say(answer(options.scenario, shape, options.seconds, options.texts))
        return
    versions = [f"{name} {importlib.metadata.version(name)}" for name in engine.packages]
    say({"ready": True, "version": ", ".join(versions + [f"{options.threads} threads"])})
    for line in sys.stdin:
        try:
            say(answer(**json.loads(line)))
        except Exception as error:  # whatever a library raises is this measurement's answer
            say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
