"""Copies the held-out examples that may be published, with what the reference made of them.

    python3 Tools/make_eval_fixtures.py MODELS/eval Tests/Fixtures/eval

All WordNet glosses (WordNet 3.0 licence, in NOTICE), the truecase lines of Jane Austen (public domain), and a few
short quotations of package descriptions.
"""

import json
import pathlib
import sys

QUOTATIONS = {"debian-section": [19, 29, 30, 79], "debian-facets": [54, 68, 71, 84]}

source, target = map(pathlib.Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
for name in ["debian-section", "debian-facets", "truecase", "wordnet-domain"]:
    texts = (source / f"{name}.test.jsonl").read_text().splitlines()
    references = (source / f"{name}.reference.jsonl").read_text().splitlines()
    chosen = QUOTATIONS.get(name, range(len(texts)))
    if name == "truecase":
        chosen = [i for i in chosen if json.loads(texts[i])["source"] == "jane-austen"]
    for kind, lines in (("test", texts), ("reference", references)):
        (target / f"{name}.{kind}.jsonl").write_text("".join(lines[i] + "\n" for i in chosen))
    (target / f"{name}.metrics.json").write_bytes((source / f"{name}.metrics.json").read_bytes())
