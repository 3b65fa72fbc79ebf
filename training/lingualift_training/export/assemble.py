"""Writes the graphs of one precision folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lingualift_training.export.checkpoint import Decoder
from lingualift_training.export.connector import store_connector
from lingualift_training.export.decoder import EMBED, WEIGHTS, DecoderOperands, store_decoder
from lingualift_training.export.encoder import WEIGHTS as ENCODER_WEIGHTS
from lingualift_training.export.encoder import store_encoder, write_encoder, write_encoder_probe
from lingualift_training.export.encoder_checkpoint import Encoder
from lingualift_training.export.generate import write_generate
from lingualift_training.export.graph import WeightFile
from lingualift_training.export.operands import PRECISIONS, Operands, Precision
from lingualift_training.export.passes import write_probe, write_score, write_step

DECODER_GRAPHS = {"generate": "generate.onnx", "step": "step.onnx", "score": "score.onnx", "probe": "probe.onnx"}


@contextmanager
def _weight_files(folder: Path, names: tuple[str, ...]) -> Iterator[dict[str, WeightFile]]:
    files = {name: WeightFile(folder, name) for name in names}
    try:
        yield files
    finally:
        for file in files.values():
            file.close()


def write_decoder_folder(decoder: Decoder, precision: str, folder: Path, pad_id: int) -> dict[str, Any]:
    """Write the four decoder graphs and their two weight files; returns the precision's part of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    with _weight_files(folder, (WEIGHTS, EMBED)) as files:
        stored = store_decoder(decoder, Operands(PRECISIONS[precision], files))
    write_generate(stored, folder / DECODER_GRAPHS["generate"], pad_id)
    write_step(stored, folder / DECODER_GRAPHS["step"])
    write_score(stored, folder / DECODER_GRAPHS["score"])
    write_probe(stored, folder / DECODER_GRAPHS["probe"])
    weights = sum((folder / name).stat().st_size for name in (WEIGHTS, EMBED))
    return {
        "files": {graph: f"{folder.name}/{file}" for graph, file in DECODER_GRAPHS.items()},
        "weightsBytes": weights,
        "embedding": _embedding_part(stored, folder),
    }


def _embedding_part(stored: DecoderOperands, folder: Path) -> dict[str, Any]:
    """Where the token table lies, so that rows can be read without a session."""
    table = stored.embedding

    def place(name: str) -> dict[str, Any]:
        tensor = stored.operands.tensors[name]
        entries = {entry.key: entry.value for entry in tensor.external_data}
        return {
            "file": f"{folder.name}/{entries['location']}",
            "offset": int(entries["offset"]),
            "shape": list(tensor.dims),
        }

    if not table.bits:
        return {**place(table.table), "dtype": stored.operands.precision.dtype}
    blocks = {"bits": table.bits, "block": 32, "zeroPoint": 2 ** (table.bits - 1)}
    scales = {**place(table.scales), "dtype": stored.operands.precision.dtype}
    return {**place(table.table), "dtype": "uint8", **blocks, "scales": scales}


def write_encoder_folder(encoder: Encoder, connector: Any, precision: str, folder: Path) -> dict[str, Any]:
    """Write ``encoder.onnx`` (and, in fp32, ``encoder_probe.onnx``); returns their part of the manifest.

    In the fp16 folder the encoder stays in float32: mT5 overflows in half precision, and its inputs are short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dense = PRECISIONS["fp32"]
    kind: Precision = PRECISIONS[precision] if PRECISIONS[precision].bits else dense
    with _weight_files(folder, (ENCODER_WEIGHTS,)) as files:
        stored = store_encoder(encoder, Operands(kind, files))
        mapped = store_connector(connector, Operands(dense, files))
    write_encoder(stored, mapped, folder / "encoder.onnx")
    graphs = {"encoder": f"{folder.name}/encoder.onnx"}
    if precision == "fp32":
        write_encoder_probe(stored, folder / "encoder_probe.onnx")
        graphs["encoder_probe"] = f"{folder.name}/encoder_probe.onnx"
    return {"files": graphs, "encoderBytes": (folder / ENCODER_WEIGHTS).stat().st_size}
