"""The same weights as an ordinary text-generation ONNX folder for transformers.js. usage: export_plain.py MODEL OUT"""

import contextlib
import io
import shutil
import sys
from pathlib import Path

import onnx
from onnxruntime_genai.models.builder import create_model, parse_extra_options

model, out = sys.argv[1], Path(sys.argv[2])
if not (out / "onnx" / "model.onnx").exists():
    partial = out.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        extra = parse_extra_options(None, model, str(partial / "onnx"), "fp32", "cpu", str(partial / "cache"), [])
        create_model(None, model, str(partial / "onnx"), "fp32", "cpu", str(partial / "cache"), **extra)
    # transformers.js looks for the weights under this name.
    model_file = partial / "onnx" / "model.onnx"
    loaded = onnx.load(model_file)
    for old in (partial / "onnx").glob("model.onnx*"):
        old.unlink()
    onnx.save(loaded, model_file, save_as_external_data=True, location="model.onnx_data")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        if (Path(model) / name).exists():
            shutil.copy(Path(model) / name, partial / name)
    partial.rename(out)
