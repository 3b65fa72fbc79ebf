"""Small helpers to write ONNX graphs by hand: a node collector, weight files, model assembly.

The exporter writes its graphs node by node instead of tracing a PyTorch module. That keeps every name, shape and
weight location under control, which the graphs of a bundle need: they share one weight file, and the decoder is
used inside the body of an ONNX ``Loop``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
OPSET = 21
IR_VERSION = 10
ALIGNMENT = 4096
"""Offset granularity of large tensors in a weight file: a memory page, so that ONNX Runtime can map them."""

DTYPES: dict[str, int] = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}

Shape = Sequence[int | str] | None


class Nodes:
    """Collects nodes and the constants they use; every generated name starts with ``prefix``."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.memo: dict[str, str] = {}
        self._count = 0

    def op(
        self, kind: str, inputs: Sequence[str], *, out: str | None = None, domain: str = "", **attributes: Any
    ) -> str:
        """Append a node with one output and return that output's name."""
        return self.multi(kind, inputs, [out or self.fresh(kind)], domain=domain, **attributes)[0]

    def multi(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Append a node with the given outputs (an empty string leaves an optional output out)."""
        name = f"{self.prefix}{kind}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs), name=name, domain=domain, **attributes))
        return list(outputs)

    def fresh(self, stem: str) -> str:
        """A value name that no other value of this collector has."""
        self._count += 1
        return f"{self.prefix}{stem}_{self._count}"

    def const(self, value: Any, dtype: Any = np.int64) -> str:
        """A constant; equal constants are stored once. Zero-dimensional values stay so: Loop is strict about rank."""
        array = np.array(value, dtype)
        key = f"{self.prefix}const_{array.dtype}_{array.ndim}d_" + "_".join(str(x) for x in array.reshape(-1))
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, key)
        return key

    def zeros(self, shape: str, dtype: int) -> str:
        """A tensor of zeros (or ``False``) whose shape is the int64 vector called ``shape``."""
        zero = helper.make_tensor("zero", dtype, [1], [0])
        return self.op("ConstantOfShape", [shape], value=zero)

    def batch_size(self, of: str) -> str:
        """The first dimension of a value, as an int64 vector of one element."""
        return self.op("Shape", [of], start=0, end=1)


class WeightFile:
    """An external-data file of a bundle folder, written once and referred to by several graphs."""

    def __init__(self, folder: Path, location: str) -> None:
        self.location = location
        self.path = folder / location
        self._handle = self.path.open("wb")

    def add(self, name: str, array: np.ndarray) -> onnx.TensorProto:
        """Append ``array`` and return an initializer called ``name`` that refers to it."""
        data = np.ascontiguousarray(array)
        step = ALIGNMENT if data.nbytes >= ALIGNMENT * 16 else 64
        offset = -(-self._handle.tell() // step) * step
        self._handle.write(b"\0" * (offset - self._handle.tell()))
        self._handle.write(data.reshape(-1).view(np.uint8).data)
        kind = helper.np_dtype_to_tensor_dtype(data.dtype)
        return external(name, kind, array.shape, self.location, offset, data.nbytes)

    def close(self) -> int:
        """Close the file and return its size in bytes."""
        size = self._handle.tell()
        self._handle.close()
        return size


def external(name: str, kind: int, dims: Iterable[int], location: str, offset: int, length: int) -> onnx.TensorProto:
    """An initializer whose bytes lie in an external file."""
    tensor = onnx.TensorProto(name=name, data_type=kind, dims=list(dims), data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def view(tensor: onnx.TensorProto, name: str, dims: Sequence[int]) -> onnx.TensorProto:
    """The same external bytes under another name and shape: stored once, used in two ways."""
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    del copy.dims[:]
    copy.dims.extend(dims)
    return copy


def value(name: str, kind: int, shape: Shape) -> onnx.ValueInfoProto:
    """Declare a graph input or output. ``None`` leaves the rank open."""
    return helper.make_tensor_value_info(name, kind, None if shape is None else list(shape))


def prune(nodes: Sequence[onnx.NodeProto], keep: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that contribute to the values in ``keep``, in their order."""
    producer = {output: node for node in nodes for output in node.output if output}
    live: set[int] = set()
    todo = list(keep)
    while todo:
        node = producer.get(todo.pop())
        if node is not None and id(node) not in live:
            live.add(id(node))
            todo += [name for name in node.input if name]
            todo += [name for body in _bodies(node) for inner in body.node for name in inner.input if name]
    return [node for node in nodes if id(node) in live]


def save_model(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Iterable[onnx.TensorProto],
) -> None:
    """Write a model; initializers that no node (of the graph or of a loop body) reads are left out."""
    used = {name for node in nodes for name in node.input}
    used |= {name for node in nodes for body in _bodies(node) for inner in body.node for name in inner.input}
    graph = helper.make_graph(
        list(nodes), path.stem, list(inputs), list(outputs), initializer=[i for i in initializers if i.name in used]
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lingualift")
    onnx.save(model, str(path))


def _bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
