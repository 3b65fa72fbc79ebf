"""``encoder.onnx``: multilingual encoder and alignment layer in one graph, and ``encoder_probe.onnx``.

Inputs are right padded: ``input_ids`` and ``attention_mask`` i64 [B, S]. Rows of soft tokens come out as
``prefix_embeds`` f32 [B, S + k, D] (start, x_0 ... x_{n-1}, end, zeros; k boundary vectors) with ``prefix_lengths``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from onnx import TensorProto

from lingualift_training.export.connector import ConnectorOperands, emit_connector
from lingualift_training.export.encoder_checkpoint import Encoder, EncoderSpec
from lingualift_training.export.graph import MICROSOFT, Nodes, prune, save_model, value
from lingualift_training.export.operands import PRECISIONS, Embedding, Linear, Operands

WEIGHTS = "encoder.onnx.data"
DENSE_LIMIT = 2 * 10**8
"""Parameters of the layers up to which they stay in float32 in a quantised folder."""

BATCH = "batch"


@dataclass(frozen=True)
class EncoderLayer:
    """The weights of one layer; ``names`` holds norms, biases and tables by role."""

    linears: dict[str, Linear]
    names: dict[str, str]


@dataclass(frozen=True)
class EncoderOperands:
    """The weights of an encoder in one precision folder."""

    spec: EncoderSpec
    operands: Operands
    embedding: Embedding
    layers: list[EncoderLayer]
    names: dict[str, str]


@dataclass
class EncoderOutputs:
    """What a pass over the layers leaves behind: ``hidden`` holds the states before each layer and the last ones."""

    hidden: list[str] = field(default_factory=list)
    attentions: list[str] = field(default_factory=list)


def store_encoder(encoder: Encoder, operands: Operands) -> EncoderOperands:
    """Write the encoder's weights into ``encoder.onnx.data``.

    In a quantised precision the token table, most of a small encoder, is quantised and the layers stay as they are:
    encoders read whole texts at once, and there float32 multiplication is faster than blocks.
    """
    if encoder.spec.family == "t5":
        return _store_t5(encoder, operands)
    return _store_bert(encoder, operands)


def layer_operands(encoder: Encoder, operands: Operands) -> Operands:
    """Operands for the layers' matrices: dense for small encoders, else those of the precision."""
    sizes = [array.size for name, array in encoder.weights.items() if ".layer." in name]
    if sum(sizes) > DENSE_LIMIT:
        return operands
    return Operands(PRECISIONS["fp32"], operands.files, operands.tensors)


def _store_bert(encoder: Encoder, operands: Operands) -> EncoderOperands:
    assert encoder.position_table is not None
    layered = layer_operands(encoder, operands)
    embedding = operands.embedding("encoder.embed", encoder.get("embeddings.word_embeddings.weight"), WEIGHTS)
    names = {
        "positions": operands.dense("encoder.positions", encoder.position_table, WEIGHTS),
        "norm": operands.dense("encoder.norm", encoder.get("embeddings.LayerNorm.weight"), WEIGHTS),
        "norm_bias": operands.dense("encoder.norm_bias", encoder.get("embeddings.LayerNorm.bias"), WEIGHTS),
    }
    layers = []
    for index in range(encoder.spec.layers):
        base, name = f"encoder.layer.{index}", f"encoder.{index}"
        parts = [f"{base}.attention.self.{part}" for part in ("query", "key", "value")]
        qkv = np.concatenate([encoder.get(f"{part}.weight") for part in parts])
        linears = {"qkv": layered.linear(f"{name}.qkv", qkv, None, WEIGHTS)}
        biases = np.concatenate([encoder.get(f"{part}.bias") for part in parts])
        held = {"qkv_bias": operands.dense(f"{name}.qkv_bias", biases, WEIGHTS)}
        paths = {"output": "attention.output.dense", "up": "intermediate.dense", "down": "output.dense"}
        for role, path in paths.items():
            linears[role] = layered.linear(f"{name}.{role}", encoder.get(f"{base}.{path}.weight"), None, WEIGHTS)
            held[f"{role}_bias"] = operands.dense(f"{name}.{role}_bias", encoder.get(f"{base}.{path}.bias"), WEIGHTS)
        for role, path in {"attention_norm": "attention.output.LayerNorm", "norm": "output.LayerNorm"}.items():
            held[role] = operands.dense(f"{name}.{role}", encoder.get(f"{base}.{path}.weight"), WEIGHTS)
            held[f"{role}_bias"] = operands.dense(f"{name}.{role}_bias", encoder.get(f"{base}.{path}.bias"), WEIGHTS)
        layers.append(EncoderLayer(linears, held))
    return EncoderOperands(encoder.spec, operands, embedding, layers, names)


def _store_t5(encoder: Encoder, operands: Operands) -> EncoderOperands:
    assert encoder.distance_tables is not None
    layered = layer_operands(encoder, operands)
    embedding = operands.embedding("encoder.embed", encoder.get("shared.weight"), WEIGHTS)
    names = {"norm": operands.dense("encoder.norm", encoder.get("encoder.final_layer_norm.weight"), WEIGHTS)}
    layers = []
    for index, table in enumerate(encoder.distance_tables):
        base, name = f"encoder.block.{index}.layer", f"encoder.{index}"
        qkv = np.concatenate([encoder.get(f"{base}.0.SelfAttention.{part}.weight") for part in "qkv"])
        linears = {"qkv": layered.linear(f"{name}.qkv", qkv, None, WEIGHTS)}
        paths = {"output": "0.SelfAttention.o", "down": "1.DenseReluDense.wo"}
        for role, path in paths.items():
            linears[role] = layered.linear(f"{name}.{role}", encoder.get(f"{base}.{path}.weight"), None, WEIGHTS)
        gate_up = np.concatenate([encoder.get(f"{base}.1.DenseReluDense.wi_{part}.weight") for part in "01"])
        linears["gate_up"] = layered.linear(f"{name}.gate_up", gate_up, None, WEIGHTS)
        held = {
            "attention_norm": operands.dense(f"{name}.n0", encoder.get(f"{base}.0.layer_norm.weight"), WEIGHTS),
            "norm": operands.dense(f"{name}.n1", encoder.get(f"{base}.1.layer_norm.weight"), WEIGHTS),
        }
        if index and table is encoder.distance_tables[0]:
            held["distances"] = layers[0].names["distances"]
        else:
            held["distances"] = operands.dense(f"{name}.distances", table, WEIGHTS)
        layers.append(EncoderLayer(linears, held))
    return EncoderOperands(encoder.spec, operands, embedding, layers, names)


def emit_encoder(nodes: Nodes, encoder: EncoderOperands, probe: bool) -> EncoderOutputs:
    """All layers over the graph inputs ``input_ids`` and ``attention_mask``."""
    return (_emit_t5 if encoder.spec.family == "t5" else _emit_bert)(nodes, encoder, probe)


def _emit_bert(nodes: Nodes, encoder: EncoderOperands, probe: bool) -> EncoderOutputs:
    outputs = EncoderOutputs()
    words = encoder.embedding.gather(nodes, "input_ids")
    steps = nodes.op("Shape", ["input_ids"], start=1, end=2)
    positions = nodes.op("Slice", [encoder.names["positions"], nodes.const([0]), steps, nodes.const([0])])
    x = nodes.op(
        "LayerNormalization",
        [nodes.op("Add", [words, positions]), encoder.names["norm"], encoder.names["norm_bias"]],
        axis=-1,
        epsilon=encoder.spec.eps,
    )
    for layer in encoder.layers:
        outputs.hidden.append(x)
        qkv = nodes.op("Add", [layer.linears["qkv"].emit(nodes, x), layer.names["qkv_bias"]])
        scale = encoder.spec.head_dim**-0.5
        attended = _attend(nodes, encoder.spec, qkv, "", scale, outputs if probe else None)
        x = _skip_norm(nodes, encoder, layer, "attention_norm", layer.linears["output"].emit(nodes, attended), x)
        up = layer.linears["up"].emit(nodes, x)
        active = nodes.op("BiasGelu", [up, layer.names["up_bias"]], domain=MICROSOFT)
        x = _skip_norm(nodes, encoder, layer, "norm", layer.linears["down"].emit(nodes, active), x)
    outputs.hidden.append(x)
    return outputs


def _skip_norm(nodes: Nodes, encoder: EncoderOperands, layer: EncoderLayer, role: str, x: str, skip: str) -> str:
    bias = layer.names["output_bias" if role == "attention_norm" else "down_bias"]
    inputs = [x, skip, layer.names[role], layer.names[f"{role}_bias"], bias]
    return nodes.op("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=encoder.spec.eps)


def _emit_t5(nodes: Nodes, encoder: EncoderOperands, probe: bool) -> EncoderOutputs:
    spec, outputs = encoder.spec, EncoderOutputs()
    x = encoder.embedding.gather(nodes, "input_ids")
    biases: dict[str, str] = {}

    def norm(x: str, weight: str) -> str:
        return nodes.op("SimplifiedLayerNormalization", [x, weight], axis=-1, epsilon=spec.eps, stash_type=1)

    for layer in encoder.layers:
        outputs.hidden.append(x)
        table = layer.names["distances"]
        if table not in biases:
            biases[table] = _distance_bias(nodes, encoder, table)
        qkv = layer.linears["qkv"].emit(nodes, norm(x, layer.names["attention_norm"]))
        attended = _attend(nodes, spec, qkv, biases[table], 1.0, outputs if probe else None)
        x = nodes.op("Add", [x, layer.linears["output"].emit(nodes, attended)])
        both = layer.linears["gate_up"].emit(nodes, norm(x, layer.names["norm"]))
        gate, up = nodes.multi("Split", [both], [nodes.fresh("gate"), nodes.fresh("up")], axis=-1, num_outputs=2)
        gated = nodes.op("Mul", [nodes.op("FastGelu", [gate], domain=MICROSOFT), up])
        x = nodes.op("Add", [x, layer.linears["down"].emit(nodes, gated)])
    outputs.hidden.append(norm(x, encoder.names["norm"]))
    return outputs


def _distance_bias(nodes: Nodes, encoder: EncoderOperands, table: str) -> str:
    """Attention bias [1, heads, S, S] from a table [2 * reach + 1, heads] of distances."""
    reach = (encoder.operands.tensors[table].dims[0] - 1) // 2
    steps = nodes.op("Squeeze", [nodes.op("Shape", ["input_ids"], start=1, end=2), nodes.const([0])])
    line = nodes.op("Range", [nodes.const(0), steps, nodes.const(1)])
    distance = nodes.op(
        "Sub", [nodes.op("Unsqueeze", [line, nodes.const([0])]), nodes.op("Unsqueeze", [line, nodes.const([1])])]
    )
    near = nodes.op("Max", [nodes.op("Min", [distance, nodes.const(reach)]), nodes.const(-reach)])
    rows = nodes.op("Gather", [table, nodes.op("Add", [near, nodes.const(reach)])], axis=0)
    return nodes.op("Unsqueeze", [nodes.op("Transpose", [rows], perm=[2, 0, 1]), nodes.const([0])])


def _attend(nodes: Nodes, spec: EncoderSpec, qkv: str, bias: str, scale: float, probe: EncoderOutputs | None) -> str:
    """Attention over a packed projection [B, S, 3 * heads * head_dim]; ``probe`` collects the probabilities."""
    names = [nodes.fresh(part) for part in ("query", "key", "value")]
    nodes.multi("Split", [qkv], names, axis=-1, num_outputs=3)
    if probe is None:
        mask = nodes.op("Cast", ["attention_mask"], to=TensorProto.INT32)
        inputs = [*names, "", mask] + ([bias] if bias else [])
        return nodes.op("MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=spec.heads, scale=scale)
    shape = nodes.const([0, 0, spec.heads, spec.head_dim])
    split = [nodes.op("Reshape", [name, shape]) for name in names]
    query, val = (nodes.op("Transpose", [split[i]], perm=[0, 2, 1, 3]) for i in (0, 2))
    key = nodes.op("Transpose", [split[1]], perm=[0, 2, 3, 1])
    scores = nodes.op("Mul", [nodes.op("MatMul", [query, key]), nodes.const(scale, np.float32)])
    if bias:
        scores = nodes.op("Add", [scores, bias])
    hidden = nodes.op("Equal", ["attention_mask", nodes.const(0)])
    hidden = nodes.op("Unsqueeze", [hidden, nodes.const([1, 2])])
    masked = nodes.op("Where", [hidden, nodes.const(-1e9, np.float32), scores])
    probabilities = nodes.op("Softmax", [masked], axis=-1)
    probe.attentions.append(probabilities)
    mixed = nodes.op("Transpose", [nodes.op("MatMul", [probabilities, val])], perm=[0, 2, 1, 3])
    return nodes.op("Reshape", [mixed, nodes.const([0, 0, spec.heads * spec.head_dim])])


INPUTS = ("input_ids", "attention_mask")


def write_encoder(encoder: EncoderOperands, connector: ConnectorOperands, path: Path) -> None:
    """Encoder and alignment layer, with ``encoder_hidden`` f32 [B, S, d] (states before the alignment layer)."""
    nodes = Nodes("e.")
    states = emit_encoder(nodes, encoder, probe=False).hidden[-1]
    nodes.op("Identity", [states], out="encoder_hidden")
    emit_connector(nodes, connector, states, "attention_mask", "prefix_embeds", "prefix_lengths")
    inputs = [value(name, TensorProto.INT64, [BATCH, "sequence"]) for name in INPUTS]
    outputs = [
        value("prefix_embeds", TensorProto.FLOAT, [BATCH, "prefix_rows", connector.output_size]),
        value("prefix_lengths", TensorProto.INT64, [BATCH]),
        value("encoder_hidden", TensorProto.FLOAT, [BATCH, "sequence", encoder.spec.hidden]),
    ]
    weights = [*encoder.operands.initializers(), *connector.operands.initializers(), *nodes.constants.values()]
    save_model(path, prune(nodes.nodes, [output.name for output in outputs]), inputs, outputs, weights)


def write_encoder_probe(encoder: EncoderOperands, path: Path) -> None:
    """``attention.N`` f32 [B, heads, S, S] of each layer and ``hidden.N`` f32 [B, S, d] (``hidden.0`` the embedding
    output, the last one equal to ``encoder_hidden``)."""
    spec, nodes = encoder.spec, Nodes("e.")
    passed = emit_encoder(nodes, encoder, probe=True)
    outputs = []
    for index, name in enumerate(passed.hidden):
        nodes.op("Identity", [name], out=f"hidden.{index}")
        outputs.append(value(f"hidden.{index}", TensorProto.FLOAT, [BATCH, "sequence", spec.hidden]))
    for index, name in enumerate(passed.attentions):
        nodes.op("Identity", [name], out=f"attention.{index}")
        shape = [BATCH, spec.heads, "sequence", "sequence"]
        outputs.append(value(f"attention.{index}", TensorProto.FLOAT, shape))
    inputs = [value(name, TensorProto.INT64, [BATCH, "sequence"]) for name in INPUTS]
    weights = [*encoder.operands.initializers(), *nodes.constants.values()]
    save_model(path, prune(nodes.nodes, [output.name for output in outputs]), inputs, outputs, weights)
