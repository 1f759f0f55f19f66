"""Records what the reference tokenizers make of the texts below.

    python Tools/make_tokenizer_fixtures.py Models/deberta-v3-tiny-en Tests/Fixtures/tokenizer

Needs transformers 4.57.6, tokenizers 0.22.2, sentencepiece 0.2.3, protobuf. The output is
deterministic. Tests read it; neither they nor the product run Python. The texts were written for
this file, apart from the openings of "Emma" and of "Pride and Prejudice" (public domain).
"""

import json
import logging
import pathlib
import random
import shutil
import sys
import tempfile
import warnings

from transformers import DebertaV2Tokenizer, DebertaV2TokenizerFast

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

TEXTS = [
    # Nothing, and nearly nothing.
    "", " ", "\n", " \t\r\n ", "\u00a0", "\u200b", "\u3000\u2028", "\x00", "a\x00b", "\x01\x02", "\x7f", "\x1f a",
    "\ufeff", "\ufffd", "\u2581", "\u2581\u2581a\u2581", ".", "a", " a", "a ", "  a  b  ", "a\tb\nc\r\nd", "\r\n", "x\r\ny",
    # English.
    "The cat sat on the mat.", "It's a well-known fact, isn't it?", "\"Quoted,\" she said; 'and again'.",
    "Emma Woodhouse, handsome, clever, and rich, with a comfortable home and happy disposition",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "UPPER lower Title cAmEl snake_case kebab-case dot.ted", "e.g. i.e. etc. Mr. Dr. U.S.A.",
    "a development library for reading and writing files", "This package contains the shared library.",
    # Sums that tie: the same pieces in another order.
    "I, II, III, IV", "Meade DSI Pro I/II/III cameras", "-------", "==========", "........", "hahahahaha", "aaaaaaaaaaa",
    "ooooo", "oooooooooooooooooooooooo", "mmmmmm zzzzz", "111111111", "1234567890123", "/////", "!!!!!!!!!!!", "ababababab",
    "lllll llllll lllllll", "xxxXXXxxx", "0000 00000 000000", "...", "....", "- -- --- ---- -----", "((((()))))",
    # Numbers, code, addresses.
    "3.14159", "1,000,000", "2024-02-29T23:59:59Z", "0xDEADBEEF", "https://example.org/a?b=c&d=%20#e", "me@example.org",
    "/usr/lib/x86_64-linux-gnu", "for (int i = 0; i < n; ++i) { x[i] += y[i]; }", "C++ C# F* R&D AT&T", "a=b; c|d; ~e ^f `g`",
    "100% $5 €7 £8 ¥9", "<html><body>&amp;</body></html>", "\\n is not \n",
    # Literal byte pieces and things that look like special tokens.
    "<0x41>", "a<0xE4>b", "<0x00><0xFF>", "<0xGG>", "[MASK]", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK] [MASK]", "[MASK][MASK]",
    "the [MASK] sat", "the[MASK]sat", " [MASK] ", "[mask]", "[MASK", "MASK]", "[ MASK ]", "[[MASK]]", "[CLS] a [SEP] b [SEP]",
    "[UNK] and [UNK]", "\uff3bMASK\uff3d", "\uff3bUNK\uff3d x", "\uff3bCLS\uff3d", "[MASK].[SEP]!", "[PAD][PAD]\n[PAD]", "<s></s><unk>",
    # Compatibility characters: one becomes several, several become one.
    "\ufb01ne \ufb02ow \ufb03x", "½ ¼ ⅔", "① ⑳ ⓐ", "Ⅷ ⅻ", "㍿ ㎏ ㏒", "ª º", "™ ℠ ©", "x² y₃", "… ‥ ․", "ﷺ", "¨ ´ ¸", "ſ ẛ", "ǆ ǅ Ǆ",
    "e\u0301", "e\u0301e\u0301", "a\u0308\u0301", "n\u0303o", "A\u030a Å \u212b", "\u1e9b\u0323", "\ufb01\u0301", "o\u0302\u0303\u0304\u0305", "\u0301", " \u0301a",
    "ｆｕｌｌ　ｗｉｄｔｈ　１２３", "ﾊﾝｶｸ ｶﾅ", "soft\u00adhyphen", "zero\u200bwidth", "join\u200dner", "non\u200cjoiner", "left\u200eright\u200f", "word\u2060joiner",
    "“curly” ‘quotes’ – dash — long", "naïve café résumé", "Straße ẞ", "İstanbul ısı", "ΣΊΣΥΦΟΣ Σίσυφος", "\u0600123 \u06dda",
    # Scripts.
    "Привет, мир", "Γειά σου Κόσμε", "Բարեւ աշխարհ", "שלום עולם", "שָׁלוֹם", "مرحبا بالعالم", "مُحَمَّد", "नमस्ते दुनिया", "হ্যালো", "வணக்கம்", "สวัสดีชาวโลก",
    "你好，世界。", "こんにちは世界", "カタカナ ひらがな 漢字", "안녕하세요 세계", "\u1112\u1161\u11ab\u1100\u1173\u11af", "გამარჯობა", "ሰላም ልዑል", "ᚠᛇᚻ", "𐍅𐌿𐌻𐍆𐌹𐌻𐌰", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛",
    "mixed 漢字 and кириллица in one", "日本語text混在", "a宋b体c", "宋体宋体宋体", "ꙮ", "\ue000\uf8ff", "\U0010ffff",
    # Emoji.
    "🎉", "🎉🎉🎉", "nice 👍🏽!", "👩‍👩‍👧‍👦 family", "❤️ ❤", "🇩🇪🇫🇷", "1️⃣ #️⃣", "☃️snow", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ok👌ok",
    # Long words.
    "pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "ACGT" * 60, "x" * 500, "宋" * 120, "🎉" * 60, "ab " * 100, "e\u0301" * 80,
]

PAIRS = [
    ("a word", "b"), ("", ""), ("", "b"), ("a", ""), (" ", " "), ("the [MASK] sat", "on [SEP] it"), ("宋体", "🎉"),
    ("Who sat on the mat?", "The cat sat on the mat, and the dog did not."),
]

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
TRUNCATIONS = [(LONG, None, n) for n in (3, 4, 10, 16, 17, 100)] + [
    (a, b, n)
    for a, b in [(LONG, "a b c d"), ("a b c d", LONG), (LONG, LONG), ("a b c d e", "a b c d e"), ("", LONG)]
    for n in (5, 6, 7, 10, 13, 20, 21)
]

SETTINGS = {
    "lower": {"do_lower_case": True},
    "punctuation": {"split_by_punct": True},
    "added": {
        "added_tokens_decoder": [
            (8001, {"content": "<left>", "lstrip": True}),
            (8002, {"content": "<right>", "rstrip": True}),
            (8003, {"content": "<word>", "single_word": True, "special": False}),
            (8004, {"content": "Foo", "normalized": True, "special": False}),
            (8005, {"content": "[MASK2]"}),
            (8006, {"content": "é", "normalized": True, "special": False}),
        ]
    },
    "unsplit": {"split_special_tokens": True},
    "left": {"truncation_side": "left"},
}
SETTINGS["all"] = {**SETTINGS["lower"], **SETTINGS["punctuation"], **SETTINGS["added"]}
SETTING_TEXTS = [
    "The CAT sat. [MASK] On-the-mat!", "ÀÉÎ ΣΊΣΥΦΟΣ Straße İI K Å", "a.b,c;d:e!f?g", "... wait -- what?!", "«quoted» „so“ ‚and‘ so", "x [CLS] Y [SEP] z",
    "a <left> b", "a \n<left>b", "<left><left>", "a <right> \t b", "<right>", "a <word> b", "a<word> b", "a <word>b", "<word>", "<word><word>", "<word>.",
    "Foo foo FOO xFoox", "[MASK2][MASK][MASK2", "café e\u0301 é", " <right>  <left> ", "a,<right> <left>,b", "İ[MASK]İ x", "a\u3000.\u00a0b", "宋.体", "¿qué? ¡sí!",
]


def random_texts(count):
    """Texts of mixed parts, so that what nobody thought of is met too."""
    source = random.Random(20)
    parts = [w for t in TEXTS if len(t) < 60 for w in t.split(" ") if w]
    spaces = [" "] * 8 + ["  ", "\n", "\t", "\u00a0", "", ""]
    for _ in range(count):
        yield "".join(source.choice(parts) + source.choice(spaces) for _ in range(source.randint(2, 14)))


def record(settings, folder, text, pair=None, limit=None):
    def ids(tokenizer):
        encoding = tokenizer(text, pair, truncation="longest_first" if limit else False, max_length=limit)
        return encoding["input_ids"], encoding["token_type_ids"]

    slow, fast = folder
    line = {"settings": settings, "text": text}
    if pair is not None:
        line["pair"] = pair
    if limit is not None:
        line["maximumLength"] = limit
    line["slow"], types = ids(slow)
    if pair is not None:
        line["types"] = types
    line["fast"], _ = ids(fast)
    if limit is None:
        line["decoded"] = slow.decode(line["slow"])
    return line


def main(model, out):
    out = pathlib.Path(out)
    base = json.loads((pathlib.Path(model) / "tokenizer_config.json").read_text())
    (out / "settings").mkdir(parents=True, exist_ok=True)

    def load(folder):
        return DebertaV2Tokenizer.from_pretrained(folder), DebertaV2TokenizerFast.from_pretrained(folder)

    both = load(model)
    lines = [record("plain", both, text) for text in TEXTS]
    lines += [record("plain", both, text) for text in random_texts(60)]
    lines += [record("plain", both, text, pair) for text, pair in PAIRS]
    lines += [record("plain", both, text, pair, limit) for text, pair, limit in TRUNCATIONS]
    for name, changes in SETTINGS.items():
        config = json.loads(json.dumps(base))
        for key, value in changes.items():
            if key == "added_tokens_decoder":
                flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
                config[key].update({str(id): {**flags, **token} for id, token in value})
            else:
                config[key] = value
        text = json.dumps(config, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        (out / "settings" / f"{name}.json").write_text(text)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(pathlib.Path(model) / "spm.model", folder)
            (pathlib.Path(folder) / "tokenizer_config.json").write_text(text)
            both = load(folder)
            lines += [record(name, both, text) for text in SETTING_TEXTS]
            lines += [record(name, both, LONG, "a b c d", limit) for limit in (8, 13)]
    with open(out / "reference.jsonl", "w") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
