#!/usr/bin/env python3
"""Makes adapters with PEFT, runs them with adapter-cli, and loads with PEFT what adapter-cli wrote of them.

    pip install torch transformers==4.57.6 peft==0.21.2 safetensors
    python3 Tools/check_peft.py --cli .build/release/adapter-cli --model Tests/Fixtures/parity/bases/v3-peft

For each method: the outputs of adapter-cli are those of PEFT, and PEFT gives the same with the folder of
`export --peft`. Exit status 0 when every value agrees within 2e-5 + 1e-4 |x|.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import peft
import torch
import transformers
from safetensors.numpy import load_file

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
ABSOLUTE, RELATIVE = 2e-5, 1e-4
PARTS = ["query_proj", "intermediate.dense", "output.dense"]

CONFIGURATIONS = {
    "lora": peft.LoraConfig(target_modules=PARTS, r=3, lora_alpha=7, rank_pattern={"query_proj": 2}, bias="all"),
    "dora": peft.LoraConfig(target_modules=PARTS + ["word_embeddings"], r=3, use_dora=True),
    "pissa": peft.LoraConfig(target_modules=PARTS, r=4, init_lora_weights="pissa"),
    "ia3": peft.IA3Config(target_modules=PARTS, feedforward_modules=["output.dense"]),
    "vera": peft.VeraConfig(target_modules=PARTS, r=5),
    "adalora": peft.AdaLoraConfig(target_modules=PARTS, init_r=4, target_r=2, total_step=10, tinit=1, tfinal=1),
    "loha": peft.LoHaConfig(target_modules=PARTS, r=2, alpha=3),
    "lokr": peft.LoKrConfig(target_modules=PARTS, r=2, alpha=3),
    "oft": peft.OFTConfig(target_modules=PARTS, oft_block_size=4, bias="oft_only"),
    "boft": peft.BOFTConfig(target_modules=PARTS, boft_block_size=8),
    "hra": peft.HRAConfig(target_modules=PARTS, r=4),
    "fourierft": peft.FourierFTConfig(target_modules=PARTS, n_frequency=40, scaling=20.0),
    "ln_tuning": peft.LNTuningConfig(target_modules=["LayerNorm"]),
    "trainable_tokens": peft.TrainableTokensConfig(target_modules=["word_embeddings"], token_indices=[4, 6, 20]),
}


def base(folder: str):
    return transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()


def randomize(model) -> None:
    """Values of some weight: factors near 1 stay near 1, all others near what they are."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            keep = parameter.data if not ("lora_" in name and "magnitude" not in name) else 0
            parameter.data = keep + 0.2 * torch.randn_like(parameter)


def outputs(model, x: dict) -> np.ndarray:
    with torch.inference_mode():
        return model.double()(**{key: torch.tensor(value) for key, value in x.items()}).last_hidden_state.numpy()


def worst(found: np.ndarray, expected: np.ndarray, mask: np.ndarray) -> float:
    excess = np.abs(found.astype(np.float64) - expected) / (ABSOLUTE + RELATIVE * np.abs(expected))
    return float(excess[mask].max())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default=".build/release/adapter-cli")
    parser.add_argument("--model", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    with open(os.path.join(arguments.model, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    x = {"input_ids": generator.integers(4, vocabulary, (2, 11)).tolist(), "attention_mask": [[1] * 11, [1] * 6 + [0] * 5]}
    mask = np.array(x["attention_mask"], dtype=bool)
    failed = 0
    for name, configuration in CONFIGURATIONS.items():
        if arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = lambda part: os.path.join(folder, part)
            run = lambda *words: subprocess.run([arguments.cli, *words], check=True, stdout=subprocess.DEVNULL)
            model = peft.get_peft_model(base(arguments.model), configuration).eval()
            plain = outputs(base(arguments.model), x)
            randomize(model)
            model.save_pretrained(path("made"))
            expected = outputs(model, x)
            with open(path("in.json"), "w") as file:
                json.dump(x, file)
            run("forward", "--model", arguments.model, "--adapter", "p=" + path("made"), "--setup", "p",
                "--inputs", path("in.json"), "--output", path("out.safetensors"))
            ours = worst(load_file(path("out.safetensors"))["last_hidden_state"], expected, mask)
            registry = ("--registry", path("registry.sqlite"))
            run("models", "register", arguments.model, "--as", "base", *registry)
            run("import", path("made"), "--as", "p", "--model", "base", "--force", *registry)
            run("export", "p", path("written"), "--peft", "--model", "base", *registry)
            again = peft.PeftModel.from_pretrained(base(arguments.model), path("written")).eval()
            theirs = worst(outputs(again, x), expected, mask)
        effect = worst(plain, expected, mask)
        failed += not (ours <= 1 and theirs <= 1 and effect > 100)
        print(f"{name:18s} read {ours:.3f}, written and read by PEFT {theirs:.3f} of the tolerance; effect {effect:.0f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
