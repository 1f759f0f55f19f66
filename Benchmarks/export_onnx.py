#!/usr/bin/env python3
"""Exports DIR/base, a DeBERTa checkpoint, as DIR/base.onnx and DIR/base-int8.onnx, where they are missing.

    pip install torch transformers==4.57.6 onnx onnxscript onnxruntime
    export_onnx.py DIR

Both give the last hidden states of input_ids and attention_mask, of any number of rows and tokens.
"""

import os
import pathlib
import sys
import warnings
from typing import Any

warnings.filterwarnings("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"


def export(folder: pathlib.Path) -> None:
    """Writes base.onnx and base-int8.onnx where they are missing."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModel

    class Hidden(torch.nn.Module):
        def __init__(self, model: Any):
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids, attention_mask).last_hidden_state

    full, small, part = folder / "base.onnx", folder / "base-int8.onnx", folder / "part.onnx"
    if not full.exists():
        ids = torch.randint(4, 50_000, (2, 128))
        names = ["input_ids", "attention_mask"]
        axes = {name: {0: "rows", 1: "tokens"} for name in [*names, "hidden"]}
        model = Hidden(AutoModel.from_pretrained(folder / "base").eval())
        torch.onnx.export(model, (ids, torch.ones_like(ids)), part, input_names=names, output_names=["hidden"],
                          dynamic_axes=axes, opset_version=17, dynamo=False)
        part.rename(full)
    if not small.exists():
        quantize_dynamic(full, part, weight_type=QuantType.QInt8)
        part.rename(small)


if __name__ == "__main__":
    export(pathlib.Path(sys.argv[1]))
