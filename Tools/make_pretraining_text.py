#!/usr/bin/env python3
"""Writes the texts that the shipped base was trained on further, one a line.

    python3 Tools/make_pretraining_text.py TRAIN TEST OUTPUT

TRAIN holds NAME.{train,dev}.jsonl of the four shipped tasks, TEST their NAME.test.jsonl. Of the training texts each
comes once alone, or among a few short ones, and half of them once more in a long piece, for the distances that short
texts never have; some sentences come in lower case too. Held-out texts are left out. Writes pretraining.txt and, of
held-out texts, pretraining.dev.txt.
"""

import json
import pathlib
import random
import sys

train, test, output = map(pathlib.Path, sys.argv[1:4])
random.seed(7)


def texts(path: pathlib.Path) -> list[str]:
    examples = map(json.loads, path.read_text().splitlines())
    return [example.get("original", example["text"]).replace("\n", " ") for example in examples]


held_out = {text.lower() for path in [*test.glob("*.test.jsonl"), *train.glob("*.dev.jsonl")] for text in texts(path)}
sources: dict[str, list[str]] = {}
seen = set(held_out)
for name in ["debian-facets", "debian-section", "truecase", "wordnet-domain"]:
    own = sources.setdefault("debian" if name.startswith("debian") else name, [])
    for text in map(str.strip, texts(train / f"{name}.train.jsonl")):
        if text.lower() not in seen:
            seen.add(text.lower())
            own.append(text)

lines = []
for name, own in sources.items():
    random.shuffle(own)
    short = name == "wordnet-domain"
    lines += [" ".join(own[i : i + 3]) for i in range(0, len(own), 3)] if short else own
    if name == "truecase":
        lines += [text.lower() for text in own[::6]]
    piece, size = [], 0
    for text in own[:: 4 if short else 2]:
        piece.append(text)
        size += len(text)
        if size > random.choice((600, 1200, 2000)):
            lines.append(" ".join(piece))
            piece, size = [], 0
random.shuffle(lines)
(output / "pretraining.txt").write_text("\n".join(lines) + "\n")
(output / "pretraining.dev.txt").write_text("".join(
    text + "\n" for name in ["debian-section", "truecase", "wordnet-domain"] for text in texts(train / f"{name}.dev.jsonl")[:400]))
