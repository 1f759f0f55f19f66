#!/usr/bin/env python3
"""Loads a folder saved by adapter-cli in Python's `adapters` and compares the outputs of both.

    pip install torch transformers==4.57.6 adapters==1.3.0 safetensors
    python3 Tools/check_against_python.py --cli .build/release/adapter-cli --model DIR --adapter DIR

The adapter folder is one that `adapter-cli export` or `saveAdapter` wrote; a head in it is compared too.
Exit status 0 when every value agrees within 2e-5 + 1e-4 |x|.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from adapters import DebertaV2AdapterModel
from safetensors.numpy import load_file

ABSOLUTE, RELATIVE = 2e-5, 1e-4


def inputs(vocabulary: int) -> dict:
    """Three rows of different lengths."""
    generator = np.random.default_rng(0)
    ids, mask = np.zeros((3, 24), dtype=np.int64), np.zeros((3, 24), dtype=np.int64)
    for row, length in enumerate((24, 9, 17)):
        ids[row, :length], mask[row, :length] = generator.integers(4, vocabulary, length), 1
    return {"input_ids": ids.tolist(), "attention_mask": mask.tolist()}


def python_outputs(model_dir: str, adapter_dir: str, x: dict) -> dict:
    """Hidden states and logits of the reference, in float64."""
    model = DebertaV2AdapterModel.from_pretrained(model_dir, torch_dtype=torch.float32).eval()
    name = model.load_adapter(adapter_dir, use_safetensors=True, set_active=True)
    model = model.double()
    tensors = {key: torch.tensor(value) for key, value in x.items()}
    with torch.inference_mode():
        outputs = {"last_hidden_state": model.deberta(**tensors).last_hidden_state}
        if name in model.heads:
            outputs[f"logits/{name}"] = model(**tensors).logits
    return {key: value.float().numpy() for key, value in outputs.items()}


def our_outputs(cli: str, model_dir: str, adapter_dir: str, x: dict) -> dict:
    """The same through adapter-cli."""
    with open(os.path.join(adapter_dir, "adapter_config.json")) as file:
        name = json.load(file)["name"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.json"), os.path.join(folder, "out.safetensors")
        with open(source, "w") as file:
            json.dump(x, file)
        command = [cli, "forward", "--model", model_dir, "--adapter", f"{name}={adapter_dir}", "--setup", name,
                   "--inputs", source, "--output", target]
        if os.path.exists(os.path.join(adapter_dir, "head_config.json")):
            command += ["--head", f"{name}={adapter_dir}"]
        subprocess.run(command, check=True)
        return load_file(target)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default=".build/release/adapter-cli")
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter", required=True)
    arguments = parser.parse_args()
    with open(os.path.join(arguments.model, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    x = inputs(vocabulary)
    mask = np.array(x["attention_mask"], dtype=bool)
    expected = python_outputs(arguments.model, arguments.adapter, x)
    found = our_outputs(arguments.cli, arguments.model, arguments.adapter, x)
    worst = 0.0
    for key, e in expected.items():
        excess = np.abs(found[key].astype(np.float64) - e) / (ABSOLUTE + RELATIVE * np.abs(e))
        if e.ndim == 3:
            excess = excess[mask]
        worst = max(worst, float(excess.max()))
        print(f"{key}: worst {excess.max():.3f} of the tolerance")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
