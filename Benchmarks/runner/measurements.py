"""The measurements of a run. Each gives what goes into results.json under its name."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from .children import Child, Children, MeasurementFailed, Reply
from .machine import without_folders

TRAININGS = ["train-lora", "train-seq_bn", "train-top"]
SHAPES = ["1x16", "1x32", "1x128", "8x128", "1x512", "1x2048", "ragged-32"]


@dataclass
class Effort:
    """How long everything takes."""

    shapes: list[str] = field(default_factory=lambda: list(SHAPES))
    overhead_shapes: list[str] = field(default_factory=lambda: ["1x16", "1x128", "8x128"])
    mixed_shape: str = "16x128"
    long_shape: str = "1x4096"
    training_shape: str = "8x128"
    training_rounds: int = 3
    crowd: int = 1_000
    rounds: int = 5
    seconds: float = 1.0
    timeout: float = 600
    cold_starts: int = 10

    @staticmethod
    def quick() -> "Effort":
        """Shows that everything works; its numbers mean little."""
        return Effort(shapes=["1x16", "1x32"], overhead_shapes=["1x16"], mixed_shape="16x16", long_shape="1x512",
                      training_shape="2x16", training_rounds=2, crowd=50, rounds=2, seconds=0.05, timeout=120, cold_starts=2)


class Run:
    """Asks the engines, and keeps what went wrong."""

    def __init__(self, children: Children, effort: Effort, say: Callable[[str], None]):
        self.children = children
        self.effort = effort
        self.say = say
        self.failures: list[str] = []

    def attempt(self, measure: Callable[[], Reply]) -> Reply:
        """A measurement's reply, or {"error": ...}: one failure does not stop the others."""
        try:
            return measure()
        except MeasurementFailed as failure:
            reason = without_folders(str(failure))
            self.failures.append(reason)
            self.say(f"  {reason}")
            return {"error": reason}

    def forward(self) -> Reply:
        """Each shape in rounds; in a round every engine has its turn, so that drift of the machine hits all alike."""
        return {shape: self._rounds("forward", shape, list(self.children), self.effort.rounds, ["rss_mb", "gflop"])
                for shape in self.effort.shapes}

    def _rounds(self, scenario: str, shape: str, order: list[Child], rounds: int, kept: list[str]) -> Reply:
        """Every time, and of the last reply what is to be kept."""
        self.say(f"{scenario} {shape}")
        results: Reply = {child.name: {"rounds": []} for child in order}
        for turn in range(rounds):
            for child in order if turn % 2 == 0 else reversed(order):
                result = results[child.name]
                if "error" in result:
                    continue
                reply = self.attempt(
                    lambda: child.ask(scenario, shape, self.effort.seconds, self.effort.timeout))
                if "error" in reply:
                    result["error"] = reply["error"]
                else:
                    result["rounds"].append(reply["times"])
                    result |= {name: reply[name] for name in kept if name in reply}
        return results

    def training(self) -> Reply:
        """Steps of training in rounds, as the forward pass; in processes of their own, whose peak is kept."""
        self.children.close()
        results: Reply = {"shape": self.effort.training_shape}
        for scenario in TRAININGS:
            with contextlib.ExitStack() as stack:
                order = [stack.enter_context(self.children.fresh(name))
                         for name in ("host", "torch") if name in self.children]
                results[scenario] = self._rounds(scenario, self.effort.training_shape, order,
                                                 self.effort.training_rounds, ["peak_mb", "loss", "parameters"])
                for child in order:
                    self.children[child.name].version = child.version
        return results

    def overhead(self) -> Reply:
        """Adapters and heads in turn with the base model, within one process."""
        asked = [(scenario, shape) for shape in self.effort.overhead_shapes for scenario in ("lora", "seq_bn", "heads")]
        asked.append(("mixed-lora", self.effort.mixed_shape))
        peers = [(scenario, shape) for scenario, shape in asked if shape in ("1x128", self.effort.mixed_shape)]
        results: Reply = {}
        for engine, pairs, seconds in (("host", asked, self.effort.rounds * self.effort.seconds),
                                       ("torch", peers, self.effort.seconds)):
            if engine not in self.children:
                continue
            results[engine] = {}
            for scenario, shape in pairs:
                self.say(f"{engine} {scenario} {shape}")
                results[engine][f"{scenario} {shape}"] = self.attempt(
                    lambda: self.children[engine].ask(scenario, shape, seconds, self.effort.timeout))
        return results

    def adapters(self) -> Reply:
        """Switching and loading adapters, alone and in a crowd of others; in processes of their own."""
        results: Reply = {}
        for scenario in ("switch", "load"):
            for others in (0, self.effort.crowd):
                self.say(f"{scenario} with {others:,} other adapters")
                with self.children.fresh("host") as child:
                    results[f"{scenario} {others}"] = self.attempt(
                        lambda: child.ask(scenario, str(others), self.effort.seconds, self.effort.timeout))
        return results

    def memory(self) -> Reply:
        """Resident memory after a request of 1x128, and at the most during a long sequence, in fresh processes."""
        self.say(f"memory, {self.effort.long_shape}")
        with self.children.fresh("host") as child:
            results = {"host": self.attempt(
                lambda: child.ask("memory", self.effort.long_shape, 0, self.effort.timeout))}
            if "error" not in results["host"]:
                timed = self.attempt(lambda: child.ask("forward", self.effort.long_shape, 0, self.effort.timeout))
                results["host"]["long_ms"] = timed.get("ms")
        for engine in ("ort", "torch"):
            if engine in self.children:
                with self.children.fresh(engine) as child:
                    results[engine] = self.attempt(lambda: self._memory_of_peer(child))
        return results | {"shape": self.effort.long_shape}

    def _memory_of_peer(self, child: Child) -> Reply:
        small = child.ask("forward", "1x128", 0, self.effort.timeout)
        long = child.ask("forward", self.effort.long_shape, 0, self.effort.timeout)
        return {"request_mb": small["rss_mb"], "long_peak_mb": long["peak_mb"],
                "long_extra_mb": round(long["peak_mb"] - small["rss_mb"]), "long_ms": long["ms"]}
