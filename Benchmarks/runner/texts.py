"""The texts of the stream: real ones that the user gives, or words of the tokenizer at random."""

import json
import lzma
import pathlib
import random
from collections.abc import Iterator

LONGEST = 2_000
"""Longer texts are left out: peers would cut them, and each in its own way."""


def write(path: pathlib.Path, count: int, sources: list[pathlib.Path], tokenizer: pathlib.Path) -> str:
    """Writes `count` texts, one on a line, and says where they are from."""
    if sources:
        texts = list(_taking_turns([_texts(source) for source in sources], count))
        names = ", ".join(source.name for source in sources)
        origin = f"{len(texts):,} texts of {names}"
    else:
        texts = list(_made_up(count, tokenizer / "spm.model"))
        origin = f"{len(texts):,} made-up texts: random words of the tokenizer, no real ones were given"
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return origin


def _texts(source: pathlib.Path) -> Iterator[str]:
    """The texts of a file: JSON Lines with "text", or plain lines; either may be compressed as .xz."""
    opened = lzma.open(source, "rt", encoding="utf-8") if source.suffix == ".xz" else source.open(encoding="utf-8")
    is_json = ".jsonl" in source.suffixes
    with opened as lines:
        for line in lines:
            text = " ".join((json.loads(line)["text"] if is_json else line).split())
            if 0 < len(text) <= LONGEST:
                yield text


def _taking_turns(sources: list[Iterator[str]], count: int) -> Iterator[str]:
    while sources and count > 0:
        for source in list(sources):
            text = next(source, None)
            if text is None:
                sources.remove(source)
            elif count > 0:
                count -= 1
                yield text


def _made_up(count: int, model: pathlib.Path) -> Iterator[str]:
    """Texts of 5 to 120 words, evenly."""
    draw = random.Random(0)
    words = [piece[1:] for piece in _pieces(model.read_bytes()) if piece.startswith("\u2581") and piece[1:].isalpha()]
    for _ in range(count):
        yield " ".join(draw.choices(words, k=draw.randint(5, 120)))


def _pieces(message: bytes) -> Iterator[str]:
    """The pieces of a SentencePiece model: field 1 of the message, and of that field 1."""
    for field, value in _fields(message):
        if field == 1:
            yield next(inner.decode() for number, inner in _fields(value) if number == 1)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protocol buffer that have a length; others are passed over."""
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        field, kind = divmod(number(), 8)
        if kind == 2:
            length = number()
            yield field, message[place : place + length]
            place += length
        elif kind == 0:
            number()
        else:
            place += {1: 8, 5: 4}[kind]
