"""Trains small SentencePiece models of odd settings and records what the library makes of texts with them.

    python Tools/make_sentencepiece_fixtures.py Tests/Fixtures/sentencepiece

Needs sentencepiece 0.2.3. Tests read the output; neither they nor the product run Python. The training texts are the
openings of "Emma" and of "Pride and Prejudice" (public domain) and sentences written for this file.
"""

import io, json, pathlib, sys
import sentencepiece

CORPUS = [
    "Emma Woodhouse, handsome, clever, and rich, with a comfortable home and happy disposition, seemed to unite some of the best",
    "blessings of existence; and had lived nearly twenty-one years in the world with very little to distress or vex her.",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "However little known the feelings or views of such a man may be on his first entering a neighbourhood, this truth is so well",
    "fixed in the minds of the surrounding families, that he is considered the rightful property of some one or other of their daughters.",
    "The cat sat on the mat, and the cat sat on the hat; the hat was flat.", "1,000 + 2,345 = 3,345; 10 % of 100 is 10.",
    "<tag> a library for reading files </tag> <tag> another one </tag>", "snake_case kebab-case dot.ted e.g. i.e. etc.",
] * 3

TEXTS = [
    "", " ", "   ", "a", " a", "a ", "  a  b  ", "The cat sat on the mat.", "a\tb\nc", "<tag>the<tag> hat</tag>", " <tag>", "<tag> ",
    "Emma\u3000Woodhouse", "ﬁne ½ cup", "e\u0301t\u00e9", "宋 is unknown", "宋宋宋", "x宋y", "🙂 smile", "\u2581\u2581a\u2581", "aaaaaaa",
    "hathathat", "the the  the   the", "1,000 10%", "UPPER lower", "\u200b", "a\u200bb", "ｆｕｌｌ width", "happy disposition,  seemed ",
    "mmm lll sss", "universally acknowledged that", "\x00", "a\x00b", "\ufeffa", "\ufffd",
]

MODELS = {
    "unigram": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "unigram-suffix": dict(model_type="unigram", treat_whitespace_as_suffix=True),
    "unigram-plain": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", add_dummy_prefix=False, remove_extra_whitespaces=False),
    "unigram-identity": dict(model_type="unigram", byte_fallback=True),
    "unigram-symbols": dict(model_type="unigram", user_defined_symbols=["<tag>", "</tag>", "hat"], control_symbols=["<ctl>"]),
    "bpe": dict(model_type="bpe"),
    "bpe-bytes": dict(model_type="bpe", byte_fallback=True, remove_extra_whitespaces=False),
    "bpe-symbols": dict(model_type="bpe", user_defined_symbols=["<tag>", "</tag>", "hat"]),
}


def unused(proto_bytes):
    """The same model with every seventh normal piece of more than two characters marked as unused."""
    from sentencepiece import sentencepiece_model_pb2 as pb
    model = pb.ModelProto.FromString(proto_bytes)
    for number, piece in enumerate(model.pieces):
        if piece.type == 1 and len(piece.piece) > 2 and number % 7 == 0: piece.type = 5
    return model.SerializeToString()


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    made = {}
    for name, options in MODELS.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=460 if options.get("byte_fallback") else 220,
            hard_vocab_limit=False, minloglevel=2, num_threads=1, **({"normalization_rule_name": "identity"} | options))
        made[name] = model.getvalue()
    made["unigram-unused"], made["bpe-unused"] = unused(made["unigram-suffix"]), unused(made["bpe"])
    for name, data in made.items():
        (folder / f"{name}.model").write_bytes(data)
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        for text in TEXTS:
            ids = processor.encode(text)
            lines.append({"model": name, "text": text, "ids": ids, "decoded": processor.decode(ids)})
    (folder / "reference.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


main(sys.argv[1])
