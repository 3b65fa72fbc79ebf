"""Weights of a bundle folder and the nodes that use them, in each precision a bundle may offer.

A matrix is stored in one of these kinds:

``dense``       [inputs, outputs] in the precision's type, for MatMul
``transposed``  a dense token table [outputs, inputs] used as the output projection
``blocks``      blocks of 32 along the inputs, for MatMulNBits: close to the original weights
``rows``        8 bits with one scale per output, for integer multiplication with activations that get one scale per
                row: faster than blocks and float32 at batches above one, and exact, so no row depends on the others

Codes of ``rows`` are unsigned on both sides. With signed weights, ONNX Runtime's kernel for processors without VNNI
saturates silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper

from lingualift_training.export.graph import DTYPES, MICROSOFT, Nodes, WeightFile, view
from lingualift_training.export.quantize import BLOCK, ROW_LIMIT, ROW_ZERO, pack, quantize_blocks, quantize_rows


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

    def emit(self, nodes: Nodes, x: str, out: str | None = None, group: str = "tokens", flat: bool = True) -> str:
        """``x @ weight.T + bias`` over the last dimension.

        x is [T, inputs], or [B, S, inputs] when not ``flat``. All flat inputs of one ``group`` of a graph have the
        same T.
        """
        last = None if self.bias else out
        if self.kind == "rows" and not flat:
            shape = nodes.op("Concat", [nodes.op("Shape", [x], end=2), nodes.const([-1])], axis=0)
            rows = nodes.op("Reshape", [x, nodes.const([-1, self.inputs])])
            y = nodes.op("Reshape", [self._emit_rows(nodes, rows, None, nodes.fresh("group")), shape], out=last)
        elif self.kind == "rows":
            y = self._emit_rows(nodes, x, last, group)
        elif self.kind == "blocks":
            lone = self.bits == 4 and flat
            y = nodes.op(
                "MatMulNBits",
                [_with_zero_row(nodes, x) if lone else x, self.weight, self.scales],
                out=None if lone else last,
                domain=MICROSOFT,
                K=self.inputs,
                N=self.outputs,
                bits=self.bits,
                block_size=BLOCK,
                accuracy_level=4,
            )
            if lone:
                y = nodes.op("Slice", [y, nodes.const([0]), nodes.const([-1]), nodes.const([0])], out=last)
        elif self.kind == "transposed":
            y = nodes.op("FusedMatMul", [x, self.weight], out=last, domain=MICROSOFT, transB=1)
        else:
            y = nodes.op("MatMul", [x, self.weight], out=last)
        return nodes.op("Add", [y, self.bias], out=out) if self.bias else y

    def _emit_rows(self, nodes: Nodes, x: str, out: str | None, group: str) -> str:
        """Integer product: rows of x to codes around 128 by their largest magnitude, and the scales put back after.

        A row of zeros has scale 0; its codes are meaningless and its result is 0 times a finite number.
        """
        zero_points = nodes.memo.get(f"zero points of {group}")
        if zero_points is None:
            value = helper.make_tensor("value", TensorProto.UINT8, [1], [ROW_ZERO])
            zero_points = nodes.op("ConstantOfShape", [nodes.op("Shape", [x], end=1)], value=value)
            nodes.memo[f"zero points of {group}"] = zero_points
        largest = nodes.op("ReduceMax", [nodes.op("Abs", [x]), nodes.const([1])], keepdims=1)
        column = nodes.op("Mul", [largest, nodes.const(1 / ROW_LIMIT, np.float32)])
        scale = nodes.op("Squeeze", [column, nodes.const([1])])
        codes = nodes.op("QuantizeLinear", [x, scale, zero_points], axis=0)
        zero = nodes.const(ROW_ZERO, np.uint8)
        inputs = [codes, self.weight, nodes.const(1, np.float32), self.scales, zero, zero]
        product = nodes.op("MatMulIntegerToFloat", inputs, domain=MICROSOFT)
        return nodes.op("Mul", [product, column], out=out)


def _with_zero_row(nodes: Nodes, x: str) -> str:
    """x [T, K] with a row of zeros behind it: the 4-bit kernel rounds a single row in another way than several."""
    return nodes.op("Pad", [x, nodes.const([0, 0, 1, 0])])


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

    def linear(self, name: str, weight: np.ndarray, bias: np.ndarray | None, file: str, rows: bool = False) -> Linear:
        """Store ``weight`` [outputs, inputs]; ``rows`` allows the kind of that name where the precision has 8 bits."""
        outputs, inputs = weight.shape
        bias_name = "" if bias is None else self.dense(f"{name}.bias", bias, file)
        if rows and self.precision.bits == 8:
            codes, scales = quantize_rows(weight)
            stored = self.tensor(f"{name}.codes", codes.T, file)
            return Linear(stored, inputs, outputs, "rows", 8, self.dense(f"{name}.scales", scales, file), bias_name)
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
