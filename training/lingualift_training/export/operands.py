"""Weights of a bundle folder and the nodes that use them, in each precision a bundle may offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import onnx

from lingualift_training.export.graph import DTYPES, MICROSOFT, Nodes, WeightFile, view
from lingualift_training.export.quantize import BLOCK, pack, quantize_blocks


@dataclass(frozen=True)
class Precision:
    """How weights are stored: ``dtype`` of the dense tensors and of the arithmetic, ``bits`` of quantised ones."""

    name: str
    dtype: str
    bits: int | None = None

    @property
    def onnx_dtype(self) -> int:
        """The ONNX element type of activations and of the key/value cache."""
        return DTYPES[self.dtype]


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision("fp32", "float32"),
    "int8": Precision("int8", "float32", 8),
    "int4": Precision("int4", "float32", 4),
    "fp16": Precision("fp16", "float16"),
}


@dataclass(frozen=True)
class Linear:
    """A weight matrix [outputs, inputs] with an optional bias, ready to be used in any graph of its folder."""

    weight: str
    inputs: int
    outputs: int
    kind: str
    bits: int = 0
    scales: str = ""
    bias: str = ""

    def emit(self, nodes: Nodes, x: str, out: str | None = None) -> str:
        """``x @ weight.T + bias`` over the last dimension."""
        last = None if self.bias else out
        if self.kind == "blocks":
            y = nodes.op(
                "MatMulNBits",
                [x, self.weight, self.scales],
                out=last,
                domain=MICROSOFT,
                K=self.inputs,
                N=self.outputs,
                bits=self.bits,
                block_size=BLOCK,
                accuracy_level=4,
            )
        elif self.kind == "transposed":
            y = nodes.op("FusedMatMul", [x, self.weight], out=last, domain=MICROSOFT, transB=1)
        else:
            y = nodes.op("MatMul", [x, self.weight], out=last)
        return nodes.op("Add", [y, self.bias], out=out) if self.bias else y


@dataclass(frozen=True)
class Embedding:
    """A token table [rows, width], dense or in blocks."""

    table: str
    rows: int
    width: int
    bits: int = 0
    scales: str = ""

    def gather(self, nodes: Nodes, ids: str) -> str:
        """The rows of ``ids`` (any shape) as [..., width]."""
        if not self.bits:
            return nodes.op("Gather", [self.table, ids], axis=0)
        return nodes.op(
            "GatherBlockQuantized",
            [self.table, ids, self.scales],
            domain=MICROSOFT,
            bits=self.bits,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )


@dataclass
class Operands:
    """Writes the tensors of one precision folder and hands out operands that refer to them."""

    precision: Precision
    files: dict[str, WeightFile]
    tensors: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def tensor(self, name: str, array: np.ndarray, file: str) -> str:
        """Store an array as it is and return its name."""
        self.tensors[name] = self.files[file].add(name, array)
        return name

    def dense(self, name: str, array: np.ndarray, file: str) -> str:
        """Store an array in the precision's dense type."""
        return self.tensor(name, array.astype(self.precision.dtype), file)

    def linear(self, name: str, weight: np.ndarray, bias: np.ndarray | None, file: str) -> Linear:
        """Store ``weight`` [outputs, inputs]."""
        outputs, inputs = weight.shape
        bias_name = "" if bias is None else self.dense(f"{name}.bias", bias, file)
        if self.precision.bits is None:
            stored = self.dense(f"{name}.weight", weight.T, file)
            return Linear(stored, inputs, outputs, "dense", bias=bias_name)
        bits = self.precision.bits
        codes, scales = quantize_blocks(weight, bits)
        packed = pack(codes, bits).reshape(outputs, codes.shape[1] // BLOCK, BLOCK * bits // 8)
        stored = self.tensor(f"{name}.codes", packed, file)
        scale = self.dense(f"{name}.scales", scales, file)
        return Linear(stored, inputs, outputs, "blocks", bits, scale, bias_name)

    def embedding(self, name: str, table: np.ndarray, file: str) -> Embedding:
        """Store a token table; in blocks when the precision quantises and the width allows it."""
        rows, width = table.shape
        bits = self.precision.bits
        if bits is None or width % BLOCK:
            return Embedding(self.dense(f"{name}.table", table, file), rows, width)
        codes, scales = quantize_blocks(table, bits)
        stored = self.tensor(f"{name}.codes", pack(codes, bits), file)
        return Embedding(stored, rows, width, bits, self.dense(f"{name}.scales", scales, file))

    def tied_head(self, embedding: Embedding) -> Linear:
        """An output projection that reads the bytes of the token table: they are stored once."""
        if not embedding.bits:
            return Linear(embedding.table, embedding.width, embedding.rows, "transposed")
        blocks = embedding.width // BLOCK
        name = f"{embedding.table}.as_head"
        dims = [embedding.rows, blocks, BLOCK * embedding.bits // 8]
        self.tensors[name] = view(self.tensors[embedding.table], name, dims)
        return Linear(name, embedding.width, embedding.rows, "blocks", embedding.bits, embedding.scales)

    def initializers(self) -> Iterable[onnx.TensorProto]:
        """Every tensor of the folder; :func:`graph.save_model` keeps the ones a graph uses."""
        return self.tensors.values()
