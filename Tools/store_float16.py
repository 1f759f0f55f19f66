#!/usr/bin/env python3
"""Copies a checkpoint with its weights as float16, which halves the file.

    pip install numpy safetensors
    python3 Tools/store_float16.py SOURCE TARGET
"""

import json
import pathlib
import shutil
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

source, target = map(pathlib.Path, sys.argv[1:3])
shutil.copytree(source, target, dirs_exist_ok=True)
weights = load_file(source / "model.safetensors")
save_file({name: values.astype(np.float16) for name, values in weights.items()}, target / "model.safetensors",
          metadata={"format": "pt"})
(target / "model.safetensors").chmod(0o644)
configuration = json.loads((source / "config.json").read_text())
configuration["torch_dtype"] = "float16"
(target / "config.json").write_text(json.dumps(configuration, indent=2, sort_keys=True) + "\n")
