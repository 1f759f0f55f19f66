#!/usr/bin/env python3
"""Write Tests/Fixtures/tasks: what transformers' pipelines make of given outputs of a head.

    python Tools/make_task_fixtures.py

Needs torch and transformers 4.57.6. The model of a pipeline is replaced by a table of random outputs, so that the files
hold the rules of the pipelines and nothing else. Texts have words that begin with a piece with letters, and windows
begin at words: elsewhere the pipelines' answers are not those that are expected here.
"""
import json, os, random, re, types
os.environ["OMP_NUM_THREADS"] = "1"
import torch, transformers
from transformers import DebertaV2Config, DebertaV2TokenizerFast, pipeline
from transformers.modeling_outputs import QuestionAnsweringModelOutput, TokenClassifierOutput

assert transformers.__version__ == "4.57.6", transformers.__version__
transformers.logging.set_verbosity_error()
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASE = os.path.join(ROOT, "Models", "deberta-v3-tiny-en")
rng = random.Random(11)


def tokenizer(length):
    made = DebertaV2TokenizerFast.from_pretrained(BASE)
    made.model_max_length = length
    return made


PLAIN = tokenizer(512)


def is_plain(text):
    """Whether the first piece of each word has letters."""
    return "▁" not in PLAIN.tokenize(text)


def tiny(kind, labels):
    config = DebertaV2Config(
        vocab_size=8001, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        id2label=dict(enumerate(labels)), label2id={x: i for i, x in enumerate(labels)})
    return getattr(transformers, kind)(config).eval()


def numbers(count, columns, spread):
    return [[round(rng.gauss(0, spread), 2) for _ in range(columns)] for _ in range(count)]


# ------------------------------------------------------------------------------------------------------- tagging

SETS = {
    "bio": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], "plain": ["NOUN", "VERB", "NAME"],
    "prefixed": ["I-O", "B-PER", "I-PER", "PER"],
}
KNOWN = """ada lovelace wrote the first program in london the parcel from hamburg came two days late and was open two goats
climbed the hill while the old farmer slept near paris my sister works for a small company in new york since march
nobody told general grant about the harbour before the storm antidisestablishmentarianism worried tchaikovsky"""
known = sorted({w for w in KNOWN.split() if is_plain(w)})
SENTENCES = [" ".join(rng.sample(known, 12)) for _ in range(2)] + ["\"on it,\" said the man's friend, then left (for a year)."]
assert is_plain(SENTENCES[2]), PLAIN.tokenize(SENTENCES[2])
assert any(len(PLAIN.tokenize(w)) > 2 for w in SENTENCES[0].split()), SENTENCES[0]
words = [p[1:] for i in range(300, 8000) if (p := PLAIN.convert_ids_to_tokens(i)).startswith("▁") and len(p) > 3 and p[1:].isascii() and p[1:].isalpha()]
words = [w for w in words if PLAIN.tokenize(w) == ["▁" + w]]


def prose(count):
    return " ".join(rng.choice(words) for _ in range(count))


def tag(text, labels, strategy, ignore=("O",), length=512, stride=None):
    model, given = tiny("DebertaV2ForTokenClassification", labels), []

    def forward(input_ids, attention_mask, **_):
        outputs = numbers(input_ids.shape[1], len(labels), 2)
        given.append(outputs[:int(attention_mask.sum())])
        return TokenClassifierOutput(logits=torch.tensor([outputs]))
    model.forward = forward
    pipe = pipeline("token-classification", model=model, tokenizer=tokenizer(length), device="cpu")
    more = {} if stride is None else {"stride": stride}
    found = pipe(text, aggregation_strategy=strategy, ignore_labels=list(ignore), **more)
    spans = []
    for r in found:
        start, end = r["start"], r["end"]
        while start < end and text[start].isspace():
            start += 1
        if start < end:
            spans.append({"start": start, "end": end, "label": r.get("entity_group", r.get("entity")), "score": float(r["score"])})
    return {"text": text, "labels": labels, "strategy": strategy, "ignore": list(ignore), "length": length, "stride": stride, "outputs": given, "spans": spans}


tagging = []
for strategy in ["none", "simple", "first", "average", "max"]:
    for name, labels in SETS.items():
        tagging.append(tag(rng.choice(SENTENCES[:2]), labels, strategy))
    tagging.append(tag(SENTENCES[2], SETS["bio"], strategy))
    tagging.append(tag(SENTENCES[0], SETS["bio"], strategy, ignore=["B-PER" if strategy == "none" else "PER"]))
    tagging.append(tag(SENTENCES[1], SETS["prefixed"], strategy, ignore=[]))
    if strategy != "none":
        tagging.append(tag(prose(40), SETS["bio"], strategy, length=20, stride=6))
        tagging.append(tag(prose(31), SETS["plain"], strategy, length=12, stride=0))

# ----------------------------------------------------------------------------------------------------- questions

CONTEXTS = [
    ("Who wrote the first program?", "Ada Lovelace wrote the first program in London, a century before computers."),
    ("When did it open?", "The bridge was built in 1932. It opened a year later, in spring, with a small feast."),
    ("Where is the dog?", "The dog sleeps under the table, the cat on it, and the dog dreams of the cat."),
]


def ask(question, context, length=384, stride=128, top_k=1, limit=15, none=False, align=True):
    model, given = tiny("DebertaV2ForQuestionAnswering", ["a", "b"]), []

    def forward(input_ids, **_):
        outputs = numbers(input_ids.shape[1], 2, 2.5)
        if none:
            outputs[0] = [6.5, 6.0]  # of [CLS]: no answer
        given.append(outputs)
        start, end = torch.tensor([outputs]).unbind(-1)
        return QuestionAnsweringModelOutput(start_logits=start, end_logits=end)
    model.forward = forward
    pipe = pipeline("question-answering", model=model, tokenizer=tokenizer(512), device="cpu")
    found = pipe(
        question=question, context=context, top_k=top_k, doc_stride=stride, max_seq_len=length, max_answer_len=limit,
        handle_impossible_answer=none, align_to_words=align)
    answers = []
    for r in found if isinstance(found, list) else [found]:
        start, end = r["start"], r["end"]
        while start < end and context[start].isspace():
            start += 1
        answers.append({"text": context[start:end], "start": start, "end": end, "score": float(r["score"])})
    return {"question": question, "context": context, "length": length, "stride": stride, "topK": top_k, "maxAnswerLength": limit, "handlesImpossibleAnswer": none, "alignsToWords": align, "outputs": given, "answers": answers}


asked = []
for number, (question, context) in enumerate(CONTEXTS):
    asked.append(ask(question, context))
    asked.append(ask(question, context, top_k=3 + number))
    asked.append(ask(question, context, top_k=2, limit=1 + 2 * number))
    asked.append(ask(question, context, top_k=3, none=True))
    asked.append(ask(question, context, top_k=4, align=False, limit=4))
    asked.append(ask(question, prose(60), length=40, stride=9, top_k=3))
    asked.append(ask(question, prose(35), length=30, stride=4, none=True, align=False))

folder = os.path.join(ROOT, "Tests", "Fixtures", "tasks")
for name, cases in (("tagging", tagging), ("questions", asked)):
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
print(len(tagging), "of tagging,", len(asked), "questions")
