"""Trains a small byte-level tokenizer and records what the reference's tokenizers make of the texts below.

    python Tools/make_byte_level_fixtures.py Tests/Fixtures/byte-level

Needs transformers 4.57.6, tokenizers 0.22.2 and torch. The output is deterministic, apart from the bytes of the
containers that torch writes. Tests read it; neither they nor the product run Python. The texts were written for this
file.
"""

import json
import logging
import pathlib
import random
import shutil
import sys
import tempfile
import unicodedata
import warnings

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import DebertaTokenizer, DebertaTokenizerFast

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

TEXTS = [
    # Nothing, and nearly nothing.
    "", " ", "  ", "\n", " \n ", "\t\t", "\u00a0", "\u3000 ", "\u200b", "\x00", "\x1c", "a\x1cb", "\x85", "a\x85b", "\ufeff", ".", "a", " a", "a ", "  a  b  ",
    "a\tb\nc\r\nd", "\r\n", "x \n y", "x\n\ny", "x   y", "x \t y", "end   ", "end \n", "\n  start", "a \u2028b", "\u00a0a", "a\u00a0 b",
    # Words, contractions, numbers.
    "The cat sat on the mat.", "it's don't we're I've I'm they'll he'd", "IT'S DON'T WE'RE", "'s 't 're 've 'm 'll 'd", "''s'''t", "x'sy'tz", "'sa 'rex", "rock'n'roll",
    "it\u2019s", "'", "''", "' s", "d'accord", "1st 2nd 3.14 1,000 10%", "x1y2z3", "\u0661\u0662\u0663 \u0967\u0968 \u4e00\u4e8c", "\u00b2\u00b3 \u00bd \u2167 \u2460", "a_b __init__ -- ---- !!! ?!",
    "https://example.org/a?b=c&d=%20#e", "for (int i = 0; i < n; ++i) { x[i] += y[i]; }", "    indented\n\tcode", "e.g. U.S.A. #tag @name $5 \u20ac7",
    # Special tokens, and what looks like them.
    "[MASK]", "[CLS]", "[SEP] [PAD][UNK]", "the [MASK] sat", "the[MASK]sat", " \t\u00a0[MASK] x", "[MASK][MASK]", "[MASK] [MASK]", "[mask]", "[MASK", "[[MASK]]", "[CLS] a [SEP] b", "x\n[MASK]\ny", "a [SEP]", "  [SEP]  ",
    # Scripts, marks, emoji.
    "na\u00efve caf\u00e9 r\u00e9sum\u00e9", "e\u0301 n\u0303 o\u0302\u0303", "\u212b\u00c5A\u030a", "Stra\u00dfe \u1e9e \u0130 \u01c5", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0639\u064e\u0631\u064e\u0628\u0650\u064a", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\uc548\ub155\ud558\uc138\uc694", "\U00010345\U0001043f", "\U0001d518\U0001d7d9", "\U0001f389", "nice \U0001f44d\U0001f3fd!", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "1\ufe0f\u20e3", "\U0001f1e9\U0001f1ea", "\ue000 \U0010ffff \ufffd", "soft\u00adhyphen zero\u200bwidth \u2060", "\uff46\uff55\uff4c\uff4c\u3000\uff11\uff12",
    # Long words.
    "ab" * 200, "a" * 301, "the" * 100, "\u5b8b" * 60, "\U0001f389" * 40, " " * 90, "\n" * 33 + "x", "=" * 70, "x ." * 60,
]

PAIRS = [("a word", "b"), ("", ""), ("", "b"), ("a", ""), (" ", " "), ("the [MASK] sat", "on [SEP] it"), ("\u5b8b\u4f53", "\U0001f389"), ("Who sat on the mat?", " The cat sat on the mat. ")]

LONG = "one two three four five six seven eight nine ten eleven twelve"
TRUNCATIONS = [(LONG, None, n, "longest_first") for n in (3, 4, 10, 17, 100)] + [
    (a, b, n, strategy)
    for a, b in [(LONG, "a b c d"), ("a b c d", LONG), (LONG, LONG), ("a b c d e", "a b c d e"), ("", LONG)]
    for n in (5, 6, 9, 20, 21)
    for strategy in ("longest_first", "only_first", "only_second")
]

ADDED = [
    (1001, {"content": "<left>", "lstrip": True}), (1002, {"content": "<right>", "rstrip": True}),
    (1003, {"content": "<word>", "single_word": True, "special": False}), (1004, {"content": "Foo", "normalized": True, "special": False}),
    (1005, {"content": "[MASK2]"}), (1006, {"content": "\u00e9", "normalized": True, "special": False}),
]
SETTINGS = {"prefix": {"add_prefix_space": True}, "added": {"added_tokens_decoder": ADDED}, "unsplit": {"split_special_tokens": True}, "left": {"truncation_side": "left"}}
SETTING_TEXTS = [
    "The cat sat. [MASK] On the mat!", "it's", " it's", "\tit's", "\u00a0x", "", " ", "[MASK]x", "x[MASK]y [SEP]z", "a <left> b", "a \n<left>b", "<left><left>", "a <right> \t b", "<right>", "a <word> b", "a<word> b",
    "a <word>b", "<word>.", "Foo foo xFoox", "[MASK2][MASK][MASK2]", "caf\u00e9 e\u0301", " <right>  <left> ", "a,<right> <left>,b",
]


def random_texts(count):
    """Characters of every category, in short runs, so that each boundary of the expression is met."""
    source = random.Random(14)
    # Unicode 13, which every side knows.
    known = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs")]
    by_category = {}
    for c in known:
        by_category.setdefault(unicodedata.category(c), []).append(c)
    kinds = [" ", " ", "\n", "'", "'s", "a", "the", "7"] + list(by_category)
    for _ in range(count):
        text = ""
        for _ in range(source.randint(2, 12)):
            kind = source.choice(kinds)
            text += "".join(source.choice(by_category[kind]) for _ in range(source.randint(1, 2))) if kind in by_category else kind
        yield text


def trained(shuffled):
    corpus = TEXTS + ["the cat and the hat sat on the mat", "this that these those then there", "running jumping sitting", "one two three four five six seven"] * 9
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, special_tokens=[]))
    model = json.loads(t.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    pieces += [p for p in ("ab", "aba") if p not in pieces]
    random.Random(7).shuffle(pieces)
    if shuffled:  # "abab" is ab·ab to the one and aba·b to the other
        random.Random(8).shuffle(merges)
        merges = [("ab", "a"), ("a", "b")] + [m for m in merges if m != ("a", "b")]
    return pieces, merges


def write_model(folder, pieces, merges):
    vocab = {p: i for i, p in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]"] + pieces + ["[MASK]"])}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, sort_keys=True))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def record(settings, both, text, pair=None, limit=None, strategy=None):
    slow, fast = both
    line = {"settings": settings, "text": text}
    for key, value in (("pair", pair), ("maximumLength", limit), ("truncation", strategy)):
        if value is not None:
            line[key] = value
    arguments = dict(truncation=strategy or False, max_length=limit)
    try:
        e = fast(text, pair, return_offsets_mapping=True, **arguments)
        line.update(fast=e["input_ids"], types=e["token_type_ids"], offsets=[list(o) for o in e["offset_mapping"]])
    except Exception as error:
        assert "too short" in str(error), error
    ids = slow(text, pair, **arguments)["input_ids"]
    if "fast" in line and not (limit and len(ids) > limit):  # where the fast one fails, the slow one gives too much
        line["slow"] = ids
    if limit is None:
        line["tokens"] = slow.convert_ids_to_tokens(ids)
        line["decoded"] = slow.decode(ids)
        line["text of ids"] = slow.decode(ids, skip_special_tokens=True)
    return line


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    pieces, merges = trained(False)
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)

        def load(name, merges, changes):
            folder = root / name
            folder.mkdir()
            write_model(folder, pieces, merges)
            DebertaTokenizer(folder / "vocab.json", folder / "merges.txt").save_pretrained(folder)
            config = json.loads((folder / "tokenizer_config.json").read_text())
            for key, value in changes.items():
                if key == "added_tokens_decoder":
                    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
                    config[key].update({str(id): {**flags, **token} for id, token in value})
                else:
                    config[key] = value
            (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
            return DebertaTokenizer.from_pretrained(folder), DebertaTokenizerFast.from_pretrained(folder)

        both = load("plain", merges, {})
        lines += [record("plain", both, text) for text in TEXTS]
        lines += [record("plain", both, text) for text in random_texts(120)]
        lines += [record("plain", both, text, pair) for text, pair in PAIRS]
        lines += [record("plain", both, *case) for case in TRUNCATIONS]
        for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copy(root / "plain" / name, out / name)
        shutil.rmtree(root / "plain" / "saved", ignore_errors=True)
        both[1].save_pretrained(root / "plain" / "saved")
        serialized = json.loads((root / "plain" / "saved" / "tokenizer.json").read_text())
        (out / "tokenizer.json").write_text(json.dumps(serialized, ensure_ascii=False, separators=(",", ":")))
        for name, changes in SETTINGS.items():
            both = load(name, merges, changes)
            shutil.copy(root / name / "tokenizer_config.json", out / f"{name}.json")
            lines += [record(name, both, text) for text in SETTING_TEXTS]
            lines += [record(name, both, LONG, "a b c d", limit, "longest_first") for limit in (8, 13)]
        # Merges whose parts come later: there the two references differ.
        shuffled = trained(True)[1]
        both = load("shuffled", shuffled, {})
        shutil.copy(root / "shuffled" / "merges.txt", out / "shuffled.txt")
        lines += [record("shuffled", both, text) for text in TEXTS + ["abab", "x ababab abaab"] if text and len(text) < 100 or text.startswith("ab")]

    # As Microsoft's file is made: the pieces numbered, ids in the order of `dict_map`, fillers without a piece at its end.
    numbers = {p: n for n, p in enumerate(sorted(pieces))}
    state = {"dict_map": [(str(numbers[p]), 9) for p in pieces] + [("madeupword0000", 0)], "vocab": merges, "encoder": numbers}
    torch.save(state, out / "bpe_encoder.bin")
    old = {"dict_map": [[str(numbers[p]), 9] for p in pieces] + [["madeupword0000", 0]], "vocab": [list(m) for m in merges], "encoder": numbers}
    torch.save(old, out / "bpe_encoder.legacy.bin", _use_new_zipfile_serialization=False)
    with open(out / "reference.jsonl", "w") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
