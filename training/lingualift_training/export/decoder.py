"""The decoder as ONNX nodes: RMS norms, fused projections, GroupQueryAttention with per-row lengths.

The same nodes serve all decoder graphs of a folder. Keys and values are [batch, kv_heads, positions, head_dim];
rows of a batch are right padded, and every row attends over its own length only, so that a row's result does not
depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

from lingualift_training.export.checkpoint import Decoder, DecoderSpec
from lingualift_training.export.graph import MICROSOFT, Nodes
from lingualift_training.export.operands import Embedding, Linear, Operands

WEIGHTS = "model.onnx.data"
EMBED = "embed.data"


@dataclass(frozen=True)
class LayerOperands:
    """The weights of one decoder layer."""

    input_norm: str
    qkv: Linear
    q_norm: str
    k_norm: str
    output: Linear
    post_norm: str
    gate_up: Linear
    down: Linear


@dataclass(frozen=True)
class DecoderOperands:
    """The weights of a decoder in one precision folder."""

    spec: DecoderSpec
    operands: Operands
    embedding: Embedding
    layers: list[LayerOperands]
    norm: str
    head: Linear
    cos: str
    sin: str

    @property
    def dtype(self) -> int:
        """ONNX element type of activations and cache."""
        return self.operands.precision.onnx_dtype

    def past_names(self) -> list[str]:
        """Names of the cache inputs, key and value of each layer in turn."""
        return [f"past_key_values.{i}.{part}" for i in range(self.spec.layers) for part in ("key", "value")]

    def present_names(self) -> list[str]:
        """Names of the cache outputs, in the order of :meth:`past_names`."""
        return [f"present.{i}.{part}" for i in range(self.spec.layers) for part in ("key", "value")]


@dataclass
class DecoderOutputs:
    """What a pass over the layers leaves behind. ``last`` and ``skip`` sum to the last residual stream."""

    last: str = ""
    skip: str = ""
    residuals: list[str] = field(default_factory=list)
    attentions: list[str] = field(default_factory=list)


def store_decoder(decoder: Decoder, operands: Operands) -> DecoderOperands:
    """Write the decoder's weights: the table into ``embed.data``, the rest into ``model.onnx.data``."""
    spec = decoder.spec
    embedding = operands.embedding("embed", decoder.get("model.embed_tokens.weight"), EMBED)
    layers = [_store_layer(decoder, operands, index) for index in range(spec.layers)]
    norm = operands.dense("norm", decoder.get("model.norm.weight"), WEIGHTS)
    if spec.tied:
        head = operands.tied_head(embedding)
    else:
        head = operands.linear("head", decoder.get("lm_head.weight"), decoder.find("lm_head.bias"), WEIGHTS)
    cos = operands.dense("rotary.cos", spec.cos, WEIGHTS)
    sin = operands.dense("rotary.sin", spec.sin, WEIGHTS)
    return DecoderOperands(spec, operands, embedding, layers, norm, head, cos, sin)


def _store_layer(decoder: Decoder, operands: Operands, index: int) -> LayerOperands:
    base, name = f"model.layers.{index}", f"layers.{index}"

    def linear(stem: str, parts: list[str]) -> Linear:
        paths = [f"{base}.{part}" for part in parts]
        weight = decoder.stacked(paths, "weight")
        assert weight is not None
        return operands.linear(f"{name}.{stem}", weight, decoder.stacked(paths, "bias"), WEIGHTS)

    def norm(stem: str, part: str) -> str:
        weight = decoder.find(f"{base}.{part}.weight")
        return "" if weight is None else operands.dense(f"{name}.{stem}", weight, WEIGHTS)

    return LayerOperands(
        input_norm=norm("input_norm", "input_layernorm"),
        qkv=linear("qkv", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        q_norm=norm("q_norm", "self_attn.q_norm"),
        k_norm=norm("k_norm", "self_attn.k_norm"),
        output=linear("output", ["self_attn.o_proj"]),
        post_norm=norm("post_norm", "post_attention_layernorm"),
        gate_up=linear("gate_up", ["mlp.gate_proj", "mlp.up_proj"]),
        down=linear("down", ["mlp.down_proj"]),
    )


@dataclass(frozen=True)
class Lengths:
    """Length values of a pass: ``keys`` i32 [B] (valid keys of each row, minus one), ``total`` i32 [] (longest row
    with its padding), ``after`` i32 [B] (cache length of each row after the pass)."""

    keys: str
    total: str
    after: str


def emit_lengths(nodes: Nodes, x: str, cached: str, new: str) -> Lengths:
    """Lengths of a pass over ``x`` [B, S, H] with ``cached`` i32 [B] positions before it and ``new`` i64 [B] valid
    positions in it."""
    after = nodes.op("Add", [cached, nodes.op("Cast", [new], to=TensorProto.INT32)])
    keys = nodes.op("Sub", [after, nodes.const(1, np.int32)])
    steps = nodes.op("Squeeze", [nodes.op("Shape", [x], start=1, end=2), nodes.const([0])])
    longest = nodes.op("ReduceMax", [cached], keepdims=0)
    total = nodes.op("Add", [longest, nodes.op("Cast", [steps], to=TensorProto.INT32)])
    return Lengths(keys, total, after)


def emit_layers(
    nodes: Nodes, decoder: DecoderOperands, x: str, lengths: Lengths, past: list[str], present: list[str], probe: bool
) -> DecoderOutputs:
    """All layers over ``x`` [B, S, H]. ``past`` may hold empty names (no cache before); ``probe`` asks for the
    attention probabilities [B, heads, S, total] of each layer."""
    outputs = DecoderOutputs(last=x)
    for index, layer in enumerate(decoder.layers):
        normed = _norm(nodes, decoder, outputs, layer.input_norm)
        outputs.residuals.append(outputs.skip or x)
        outputs.skip = outputs.skip or x
        cache = slice(2 * index, 2 * index + 2)
        attended = _attention(nodes, decoder, index, normed, lengths, past[cache], present[cache], probe, outputs)
        outputs.last = layer.output.emit(nodes, attended)
        normed = _norm(nodes, decoder, outputs, layer.post_norm)
        both = layer.gate_up.emit(nodes, normed)
        gate, up = nodes.multi("Split", [both], [nodes.fresh("gate"), nodes.fresh("up")], axis=-1, num_outputs=2)
        gated = nodes.op("Mul", [nodes.op("QuickGelu", [gate], domain=MICROSOFT, alpha=1.0), up])
        outputs.last = layer.down.emit(nodes, gated)
    return outputs


def _norm(nodes: Nodes, decoder: DecoderOperands, outputs: DecoderOutputs, weight: str) -> str:
    """Normalise ``skip + last`` and keep the sum as the new residual stream."""
    if not outputs.skip:
        return rms_norm(nodes, decoder, outputs.last, weight)
    normed, total = nodes.fresh("norm"), nodes.fresh("residual")
    inputs = [outputs.last, outputs.skip, weight]
    nodes.multi(
        "SkipSimplifiedLayerNormalization",
        inputs,
        [normed, "", "", total],
        domain=MICROSOFT,
        epsilon=decoder.spec.eps,
    )
    outputs.skip = total
    return normed


def rms_norm(nodes: Nodes, decoder: DecoderOperands, x: str, weight: str, out: str | None = None) -> str:
    """Root-mean-square norm over the last dimension."""
    return nodes.op(
        "SimplifiedLayerNormalization", [x, weight], out=out, axis=-1, epsilon=decoder.spec.eps, stash_type=1
    )


def _attention(
    nodes: Nodes,
    decoder: DecoderOperands,
    index: int,
    x: str,
    lengths: Lengths,
    past: list[str],
    present: list[str],
    probe: bool,
    outputs: DecoderOutputs,
) -> str:
    spec, layer = decoder.spec, decoder.layers[index]
    packed = layer.qkv.emit(nodes, x)
    query, key, val = (packed, "", "")
    if spec.qk_norm:
        query, key, val = _normed_heads(nodes, decoder, layer, packed)
    rotary = spec.rotary[index]
    inputs = [query, key, val, *past, lengths.keys, lengths.total]
    inputs += [decoder.cos, decoder.sin] if rotary else []
    attributes: dict[str, int | float] = {
        "num_heads": spec.heads,
        "kv_num_heads": spec.kv_heads,
        "do_rotary": int(rotary),
        "rotary_interleaved": 0,
        "scale": spec.head_dim**-0.5,
        "local_window_size": spec.windows[index] or -1,
    }
    results = [nodes.fresh("attended"), *present]
    if probe:
        attributes["qk_output"] = 2
        results.append(nodes.fresh("probabilities"))
        outputs.attentions.append(results[-1])
    nodes.multi("GroupQueryAttention", inputs, results, domain=MICROSOFT, **attributes)
    return results[0]


def _normed_heads(nodes: Nodes, decoder: DecoderOperands, layer: LayerOperands, packed: str) -> tuple[str, str, str]:
    """Split the packed projection and normalise queries and keys per head (Qwen3)."""
    spec = decoder.spec
    widths = [spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim, spec.kv_heads * spec.head_dim]
    names = [nodes.fresh(part) for part in ("query", "key", "value")]
    nodes.multi("Split", [packed, nodes.const(widths)], names, axis=-1)

    def normed(x: str, heads: int, weight: str) -> str:
        split = nodes.op("Reshape", [x, nodes.const([0, 0, heads, spec.head_dim])])
        return nodes.op(
            "Reshape", [rms_norm(nodes, decoder, split, weight), nodes.const([0, 0, heads * spec.head_dim])]
        )

    query = normed(names[0], spec.heads, layer.q_norm)
    key = normed(names[1], spec.kv_heads, layer.k_norm)
    return query, key, names[2]


def emit_compose(nodes: Nodes, decoder: DecoderOperands, ids: str, soft: str) -> str:
    """Input vectors [B, S, H] of mixed ids: ``id >= 0`` is a row of the token table, ``id < 0`` the soft row
    ``-id - 1`` of ``soft`` f32 [B, P, H]. P may be 0."""
    shape = nodes.op("Concat", [nodes.batch_size(ids), nodes.const([1, decoder.spec.hidden])], axis=0)
    given = soft if decoder.dtype == TensorProto.FLOAT else nodes.op("Cast", [soft], to=decoder.dtype)
    rows = nodes.op("Concat", [nodes.zeros(shape, decoder.dtype), given], axis=1)
    zero = nodes.const(0)
    index = nodes.op("Unsqueeze", [nodes.op("Max", [nodes.op("Neg", [ids]), zero]), nodes.const([2])])
    soft_rows = nodes.op("GatherND", [rows, index], batch_dims=1)
    token_rows = decoder.embedding.gather(nodes, nodes.op("Max", [ids, zero]))
    is_soft = nodes.op("Unsqueeze", [nodes.op("Less", [ids, zero]), nodes.const([2])])
    return nodes.op("Where", [is_soft, soft_rows, token_rows])


def emit_logits(nodes: Nodes, decoder: DecoderOperands, normed: str, out: str | None = None) -> str:
    """Float32 logits [..., vocab] of normalised states [..., H]."""
    if decoder.dtype == TensorProto.FLOAT:
        return decoder.head.emit(nodes, normed, out)
    return nodes.op("Cast", [decoder.head.emit(nodes, normed)], out=out, to=TensorProto.FLOAT)


def emit_last_logits(
    nodes: Nodes, decoder: DecoderOperands, outputs: DecoderOutputs, new: str, out: str | None = None
) -> str:
    """Logits [B, vocab] of each row's last valid position; only these rows pass the norm and the head."""
    position = nodes.op("Unsqueeze", [nodes.op("Sub", [new, nodes.const(1)]), nodes.const([1])])
    residual = nodes.op("Add", [outputs.last, outputs.skip])
    picked = nodes.op("GatherND", [residual, position], batch_dims=1)
    return emit_logits(nodes, decoder, rms_norm(nodes, decoder, picked, decoder.norm), out)
