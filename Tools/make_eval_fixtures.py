#!/usr/bin/env python3
"""Writes what the reference makes of the shipped examples with the shipped base and adapters.

    pip install torch transformers==4.57.6 adapters==1.3.0 sentencepiece
    python3 Tools/make_eval_fixtures.py

For each NAME.test.jsonl in Tests/Fixtures/eval a NAME.reference.jsonl: token ids (slow tokenizer, at most 128),
prediction, and for the first 100 the logits of the text alone in its batch; and a NAME.metrics.json. For
mlm.reference.jsonl, whose texts stay, the ten best pieces in the place of [MASK].
"""

import json
import pathlib

import torch
from adapters import DebertaV2AdapterModel
from transformers import DebertaV2ForMaskedLM, DebertaV2Tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = ROOT / "Models/deberta-v3-tiny-en"
FIXTURES = ROOT / "Tests/Fixtures/eval"
tokenizer = DebertaV2Tokenizer.from_pretrained(BASE)


def digits(values):
    """Six digits of every number."""
    return [digits(v) for v in values] if isinstance(values, list) else float(f"{values:.6g}")


def prediction(kind: str, labels: list[str], logits: torch.Tensor, ids: list[int]) -> str | list[str]:
    if kind == "classification":
        return labels[logits.argmax().item()]
    if kind == "multilabel_classification":
        return [label for label, logit in zip(labels, logits.tolist()) if logit > 0]
    # Of words, the first piece decides.
    pieces = tokenizer.convert_ids_to_tokens(ids)
    return [labels[logits[i].argmax().item()] for i, piece in enumerate(pieces) if piece.startswith("\u2581")]


def metrics(predicted: list[str], expected: list[str]) -> dict:
    """Accuracy, and the mean F1 of the classes that are predicted or expected."""
    pairs = list(zip(predicted, expected))
    scores = [2 * pairs.count((c, c)) / (predicted.count(c) + expected.count(c)) for c in {*predicted, *expected}]
    return {"accuracy": digits(sum(p == e for p, e in pairs) / len(pairs)), "macro_f1": digits(sum(scores) / len(scores))}


def write(name: str, lines: list[dict]) -> None:
    (FIXTURES / f"{name}.reference.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@torch.inference_mode()
def adapter(name: str) -> None:
    model = DebertaV2AdapterModel.from_pretrained(BASE, torch_dtype=torch.float32).eval()
    model.load_adapter(str(ROOT / "Adapters" / name), use_safetensors=True, set_active=True)
    head = json.loads((ROOT / "Adapters" / name / "head_config.json").read_text())["config"]
    labels = sorted(head["label2id"], key=head["label2id"].get)
    examples = [json.loads(line) for line in (FIXTURES / f"{name}.test.jsonl").read_text().splitlines()]
    lines = []
    for index, example in enumerate(examples):
        ids = tokenizer(example["text"], truncation=True, max_length=128)["input_ids"]
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        line = {"id": example["id"], "input_ids": ids, "pred": prediction(head["head_type"], labels, logits, ids)}
        lines.append(line | ({"logits": digits(logits.tolist())} if index < 100 else {}))
    write(name, lines)
    facts = {"labels": labels}
    if head["head_type"] == "classification":
        facts["metrics"] = metrics([line["pred"] for line in lines], [example["label"] for example in examples])
    (FIXTURES / f"{name}.metrics.json").write_text(json.dumps(facts, indent=1) + "\n")


@torch.inference_mode()
def masked_words() -> None:
    model = DebertaV2ForMaskedLM.from_pretrained(BASE, torch_dtype=torch.float32).eval()
    lines = []
    for old in (FIXTURES / "mlm.reference.jsonl").read_text().splitlines():
        text = json.loads(old)["text"]
        ids = tokenizer(text)["input_ids"]
        place = ids.index(tokenizer.mask_token_id)
        logits = model(input_ids=torch.tensor([ids])).logits[0, place]
        shares = logits.softmax(-1)
        top = [{"id": i, "piece": tokenizer.convert_ids_to_tokens(i), "logit": digits(logits[i].item()),
                "p": digits(shares[i].item())} for i in logits.topk(10).indices.tolist()]
        lines.append({"text": text, "input_ids": ids, "mask_index": place, "top": top,
                      "logits_first_16": digits(logits[:16].tolist())})
    write("mlm", lines)


for test in sorted(FIXTURES.glob("*.test.jsonl")):
    adapter(test.name.removesuffix(".test.jsonl"))
masked_words()
