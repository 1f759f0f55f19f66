#!/usr/bin/env python3
"""Has Python's `adapters` load what adapter-cli's save, combine and eject write, and compares the outputs of both.

    pip install torch transformers==4.57.6 adapters==1.3.0 safetensors
    python3 Tools/check_members_against_python.py --cli .build/release/adapter-cli --only whole

The model is tiny, with random weights that Python makes. Exit status 0 when every value agrees within 2e-5 + 1e-4 |x|.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import adapters
import numpy as np
import torch
from adapters import DebertaV2AdapterModel
from safetensors.numpy import load_file
from transformers import DebertaV2Config, DebertaV2Model

ABSOLUTE, RELATIVE = 2e-5, 1e-4
CONFIGURATIONS = {
    "bn": adapters.SeqBnConfig(reduction_factor=4),
    "bn2": adapters.SeqBnConfig(reduction_factor=4),
    "lora": adapters.LoRAConfig(r=3, alpha=5),
    "lora2": adapters.LoRAConfig(r=3, alpha=5),
    "ia3": adapters.IA3Config(),
    "reft": adapters.NoReftConfig(r=2, dropout=0.0),
    "inverse": adapters.SeqBnInvConfig(reduction_factor=4),
    "prefix": adapters.PrefixTuningConfig(prefix_length=3, bottleneck_size=5),
    "prompt": adapters.PromptTuningConfig(prompt_length=2),
}


def configuration():
    return DebertaV2Config(
        vocab_size=61, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=32, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False, type_vocab_size=0)


def base():
    torch.manual_seed(1)
    model = DebertaV2AdapterModel(configuration()).eval()
    for name, own in CONFIGURATIONS.items():
        model.add_adapter(name, config=own)
    model.add_adapter_fusion(["bn", "bn2"])
    model.add_classification_head("cls", num_labels=3)
    model.add_tagging_head("tags", num_labels=4)
    model.add_masked_lm_head("words")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in ("adapters.", "loras.", "refts.", "prefix_tunings.", "heads.", "fusion")):
                if "heads.words.3.weight" not in name:
                    parameter.add_(0.2 * torch.randn_like(parameter))
    return model


INPUTS = {"input_ids": [[5, 9, 33, 21, 7], [14, 3, 8, 0, 0]], "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]}


def python_outputs(model, setup, heads):
    model.set_active_adapters(setup)
    tensors = {key: torch.tensor(value) for key, value in INPUTS.items()}
    with torch.inference_mode():
        outputs = {"last_hidden_state": model.base_model(**tensors).last_hidden_state.numpy()}
        for head in heads:
            outputs[f"logits/{head}"] = model(**tensors, head=head).logits.numpy()
    return outputs


def our_outputs(cli, arguments):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.json"), os.path.join(folder, "out.safetensors")
        with open(source, "w") as file:
            json.dump(INPUTS, file)
        subprocess.run([cli, "forward", *arguments, "--inputs", source, "--output", target], check=True)
        return load_file(target)


def compare(what, expected, found, rows=2):
    mask, worst = np.array(INPUTS["attention_mask"], dtype=bool)[:rows], 0.0
    for key, e in expected.items():
        e = e[:rows]
        excess = np.abs(found[key][:rows].astype(np.float64) - e) / (ABSOLUTE + RELATIVE * np.abs(e))
        if e.ndim == 3:
            front = np.ones((mask.shape[0], e.shape[1] - mask.shape[1]), dtype=bool)
            excess = excess[np.concatenate([front, mask], axis=1)]
        worst = max(worst, float(excess.max()))
    print(f"{'ok  ' if worst <= 1 else 'FAIL'} {what}: worst {worst:.3f} of the tolerance")
    return worst <= 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default=".build/release/adapter-cli")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    cli, fine = options.cli, True
    model = base()
    with tempfile.TemporaryDirectory() as folder:
        path = lambda *names: os.path.join(folder, *names)
        # The bare base, and each part in a folder of its own.
        bare = DebertaV2Model(configuration())
        bare.load_state_dict({k: v for k, v in model.deberta.state_dict().items() if k in bare.state_dict()})
        bare.save_pretrained(path("base"))
        for name in CONFIGURATIONS:
            model.save_adapter(path(name), name, with_head=False)
        model.save_adapter_fusion(path("fusion"), "bn,bn2")
        for name in ("cls", "tags", "words"):
            model.save_head(path("head-" + name), name)
        given = [part for name in CONFIGURATIONS for part in ("--adapter", f"{name}={path(name)}")]
        given += ["--fusion", f"bn,bn2={path('fusion')}"]
        given += [part for name in ("cls", "tags", "words") for part in ("--head", f"{name}={path('head-' + name)}")]

        if "whole".startswith(options.only):
            for size in ("5GB", "20KB"):
                target = path("whole-" + size)
                subprocess.run([cli, "save", target, "--model", path("base"), *given, "--max-shard-size", size],
                               check=True, stdout=subprocess.DEVNULL)
                loaded = DebertaV2AdapterModel.from_pretrained(target).eval()
                setups = [(name, adapters.composition.Stack(name)) for name in CONFIGURATIONS]
                setups.append(("Fuse(bn, bn2)", adapters.composition.Fuse("bn", "bn2")))
                for text, setup in setups:
                    heads = [] if text == "prompt" else ["cls", "tags", "words"]
                    found = python_outputs(loaded, setup, heads)
                    fine &= compare(f"whole, {size}, in Python: {text}", python_outputs(model, setup, heads), found)
                    active = ["--active-heads", ",".join(heads)] if heads else []
                    found = our_outputs(cli, ["--model", target, "--setup", text, *active])
                    # In Python a prompt sees padding, which the second row has.
                    rows = 1 if text == "prompt" else 2
                    fine &= compare(f"whole, {size}, here: {text}", python_outputs(model, setup, heads), found, rows)
        if "combine".startswith(options.only):
            for first, second, strategy, more in (
                ("bn", "bn2", "linear", []), ("lora", "lora2", "negate-b", ["--no-normalize"]),
            ):
                target = path("mean-" + strategy)
                subprocess.run(
                    [cli, "combine", "--model", path("base"), "--adapter", f"{first}={path(first)}", "--adapter",
                     f"{second}={path(second)}", "--strategy", strategy, "--weights", "1.5,-0.5", *more, "--name", "mean",
                     "--output", target], check=True, stdout=subprocess.DEVNULL)
                model.average_adapter(
                    "python", [first, second], weights=[1.5, -0.5], normalize_weights=not more,
                    combine_strategy={"linear": "linear", "negate-b": "lora_linear_only_negate_b"}[strategy])
                model.load_adapter(target)
                expected = python_outputs(model, adapters.composition.Stack("python"), [])
                found = python_outputs(model, adapters.composition.Stack("mean"), [])
                fine &= compare(f"combine, {strategy}", expected, found)
                model.delete_adapter("python")
                model.delete_adapter("mean")
        if "eject".startswith(options.only):
            subprocess.run([cli, "eject", "--model", path("base"), "--adapter", f"prefix={path('prefix')}", "--name", "flat",
                            "--output", path("flat")], check=True, stdout=subprocess.DEVNULL)
            expected = python_outputs(model, adapters.composition.Stack("prefix"), [])
            other = base()
            other.load_adapter(path("flat"))
            fine &= compare("eject", expected, python_outputs(other, adapters.composition.Stack("flat"), []))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
