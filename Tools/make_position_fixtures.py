#!/usr/bin/env python3
"""Writes Tests/Fixtures/positions/rows.json: rows of DeBERTa-v2's table of relative positions, by distance.

    pip install torch transformers==4.57.6
    python3 Tools/make_position_fixtures.py

For each pair of `position_buckets` and `max_relative_positions`, the rows that transformers gives the distances
-REACH ... REACH, as runs [row, length].
"""
import itertools, json, pathlib

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

REACH = 5000
PAIRS = [(256, 512), (256, 1024), (256, 4096), (128, 512), (64, 512), (32, 128), (16, 40), (16, 512), (9, 100), (6, 7),
         (3, 512), (2, 512), (256, 256), (512, 512), (256, 100), (-1, 512), (-1, 40), (-1, 1)]


def rows(buckets, maximum):
    distances = torch.arange(-REACH, REACH + 1)
    if buckets > 0:
        distances = make_log_bucket_position(distances, buckets, maximum).to(torch.long)
    span = buckets if buckets > 0 else maximum
    return torch.clamp(distances + span, 0, 2 * span - 1).tolist()


tables = [{"buckets": b, "maximum": m, "runs": [[row, len(list(run))] for row, run in itertools.groupby(rows(b, m))]}
          for b, m in PAIRS]
path = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/positions/rows.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"reach": REACH, "tables": tables}, separators=(",", ":")) + "\n")
