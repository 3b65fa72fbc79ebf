"""The alignment layer as ONNX nodes: the same rows as :class:`lingualift_training.model.connector.Connector`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lingualift_training.export.graph import Nodes
from lingualift_training.export.operands import Linear, Operands

WEIGHTS = "encoder.onnx.data"
NORM_EPS = 1e-5


@dataclass(frozen=True)
class ConnectorOperands:
    """The weights of an alignment layer; always dense, since it is small and its rows are the model's input."""

    kind: str
    heads: int
    latents: int
    output_size: int
    operands: Operands
    linears: dict[str, Linear]
    names: dict[str, str]


def store_connector(connector: Any, operands: Operands) -> ConnectorOperands:
    """Write the weights of a :class:`Connector` module behind the encoder's."""
    config = connector.config
    state = {name: tensor.detach().float().numpy() for name, tensor in connector.state_dict().items()}
    linears: dict[str, Linear] = {}
    names: dict[str, str] = {}
    for name, array in state.items():
        stem, _, last = name.rpartition(".")
        if last == "weight" and array.ndim == 2:
            linears[stem] = operands.linear(f"connector.{stem}", array, state.get(f"{stem}.bias"), WEIGHTS)
        elif stem not in linears:
            names[name] = operands.dense(f"connector.{name}", array, WEIGHTS)
    return ConnectorOperands(config.type, config.heads, config.latents, config.output_size, operands, linears, names)


def emit_connector(nodes: Nodes, connector: ConnectorOperands, states: str, mask: str, rows_out: str, out: str) -> None:
    """Soft rows f32 [B, S + k, D] called ``rows_out`` and their counts i64 [B] called ``out``.

    ``states`` f32 [B, S, d], ``mask`` i64 [B, S] with 1 for tokens. Rows are start, x_0 ... x_{n-1}, end, zeros.
    """
    batch = nodes.batch_size(states)
    if connector.kind == "perceiver":
        rows = _perceiver(nodes, connector, states, mask, batch)
        count = nodes.op("Expand", [nodes.const([connector.latents]), batch])
    else:
        rows = _map(nodes, connector, states)
        count = nodes.op("ReduceSum", [mask, nodes.const([1])], keepdims=0)
    target = nodes.op("Concat", [batch, nodes.const([1, connector.output_size])], axis=0)
    if "start" in connector.names:
        rows = nodes.op("Concat", [nodes.op("Expand", [connector.names["start"], target]), rows], axis=1)
        count = nodes.op("Add", [count, nodes.const([1])])
    end = connector.names.get("end", "")
    if end:
        rows = nodes.op("Concat", [rows, nodes.op("Expand", [end, target])], axis=1)
    length = nodes.op("Squeeze", [nodes.op("Shape", [rows], start=1, end=2), nodes.const([0])])
    line = nodes.op("Range", [nodes.const(0), length, nodes.const(1)])
    position = nodes.op("Unsqueeze", [line, nodes.const([0, 2])])
    last = nodes.op("Unsqueeze", [count, nodes.const([1, 2])])
    inside = nodes.op("Less", [position, last])
    beyond = nodes.const(0, np.float32)
    if end:
        beyond = nodes.op("Where", [nodes.op("Equal", [position, last]), end, beyond])
        count = nodes.op("Add", [count, nodes.const([1])])
    nodes.op("Where", [inside, rows, beyond], out=rows_out)
    nodes.op("Identity", [count], out=out)


def _map(nodes: Nodes, connector: ConnectorOperands, states: str) -> str:
    if connector.kind == "mlp":
        states = nodes.op("Gelu", [connector.linears["hidden"].emit(nodes, states)], approximate="none")
    elif connector.kind == "mlp-relu":
        states = nodes.op("Relu", [connector.linears["hidden"].emit(nodes, states)])
    return connector.linears["project"].emit(nodes, states)


def _perceiver(nodes: Nodes, connector: ConnectorOperands, states: str, mask: str, batch: str) -> str:
    """Latents [N, d] that attend to the states, block by block, then the projection."""
    width = connector.linears["project"].inputs
    size = width // connector.heads
    shape = nodes.op("Concat", [batch, nodes.const([connector.latents, width])], axis=0)
    latents = nodes.op("Expand", [connector.names["latents"], shape])
    hidden = nodes.op("Unsqueeze", [nodes.op("Equal", [mask, nodes.const(0)]), nodes.const([1, 2])])
    lowest = nodes.const(np.finfo(np.float32).min, np.float32)

    def norm(x: str, stem: str) -> str:
        inputs = [x, connector.names[f"{stem}.weight"], connector.names[f"{stem}.bias"]]
        return nodes.op("LayerNormalization", inputs, axis=-1, epsilon=NORM_EPS)

    def heads(stem: str, x: str, perm: list[int]) -> str:
        projected = connector.linears[stem].emit(nodes, x)
        split = nodes.op("Reshape", [projected, nodes.const([0, 0, connector.heads, size])])
        return nodes.op("Transpose", [split], perm=perm)

    blocks = sorted({name.split(".")[1] for name in connector.linears if name.startswith("blocks.")}, key=int)
    for block in blocks:
        stem = f"blocks.{block}"
        memory, asked = norm(states, f"{stem}.norm_states"), norm(latents, f"{stem}.norm_latents")
        query = heads(f"{stem}.query", asked, [0, 2, 1, 3])
        key = heads(f"{stem}.key", memory, [0, 2, 3, 1])
        val = heads(f"{stem}.value", memory, [0, 2, 1, 3])
        scores = nodes.op("Mul", [nodes.op("MatMul", [query, key]), nodes.const(size**-0.5, np.float32)])
        weights = nodes.op("Softmax", [nodes.op("Where", [hidden, lowest, scores])], axis=-1)
        mixed = nodes.op("Transpose", [nodes.op("MatMul", [weights, val])], perm=[0, 2, 1, 3])
        mixed = nodes.op("Reshape", [mixed, nodes.const([0, 0, width])])
        latents = nodes.op("Add", [latents, connector.linears[f"{stem}.out"].emit(nodes, mixed)])
        up = nodes.op("Gelu", [connector.linears[f"{stem}.up"].emit(nodes, norm(latents, f"{stem}.norm_mlp"))])
        latents = nodes.op("Add", [latents, connector.linears[f"{stem}.down"].emit(nodes, up)])
    return connector.linears["project"].emit(nodes, latents)
