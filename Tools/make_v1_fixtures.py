#!/usr/bin/env python3
"""Writes Tests/Fixtures/parity/bases/deberta-v1 and deberta-v1-talking: tiny encoders of DeBERTa v1 with random weights.

    pip install torch transformers==4.57.6
    python3 Tools/make_v1_fixtures.py
"""
import pathlib

import torch
from transformers import DebertaConfig, DebertaModel

BASES = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/parity/bases"

for name, seed, more in (("deberta-v1", 1, {}), ("deberta-v1-talking", 2, {"talking_head": True, "type_vocab_size": 2})):
    torch.manual_seed(seed)
    config = DebertaConfig(
        vocab_size=97, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=80,
        max_position_embeddings=40, relative_attention=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
        **{"type_vocab_size": 0, **more})
    model = DebertaModel(config)
    with torch.no_grad():
        for key, values in model.named_parameters():
            norm = key.endswith("LayerNorm.weight")
            values.copy_(torch.randn_like(values) * (0.1 if norm else 0.2) + (1 if norm else 0))
    model.save_pretrained(BASES / name)
