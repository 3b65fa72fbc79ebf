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
    """The weights of a decoder in one precision folder. ``head_norm`` is the last norm as the head's input needs it;
    it differs from ``norm`` where the scales of the head were evened out."""

    spec: DecoderSpec
    operands: Operands
    embedding: Embedding
    layers: list[LayerOperands]
    norm: str
    head_norm: str
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
    """What a pass over the layers leaves behind: ``last`` and ``skip`` sum to the last residual stream.

    ``shape`` is the int64 vector (B, S, -1).
    """

    last: str = ""
    skip: str = ""
    shape: str = ""
    residuals: list[str] = field(default_factory=list)
    attentions: list[str] = field(default_factory=list)


def store_decoder(decoder: Decoder, operands: Operands) -> DecoderOperands:
    """Write the decoder's weights: the table into ``embed.data``, the rest into ``model.onnx.data``."""
    spec = decoder.spec
    embedding = operands.embedding("embed", decoder.get("model.embed_tokens.weight"), EMBED)
    layers = [_store_layer(decoder, operands, index) for index in range(spec.layers)]
    norm = head_norm = operands.dense("norm", decoder.get("model.norm.weight"), WEIGHTS)
    if decoder.head_norm is not None:
        head_norm = operands.dense("head_norm", decoder.head_norm, WEIGHTS)
    if spec.tied and operands.precision.bits != 8:
        head = operands.tied_head(embedding)
    else:
        weight, bias = decoder.get("lm_head.weight"), decoder.find("lm_head.bias")
        head = operands.linear("head", weight, bias, WEIGHTS, rows=True)
    cos = operands.dense("rotary.cos", spec.cos, WEIGHTS)
    sin = operands.dense("rotary.sin", spec.sin, WEIGHTS)
    return DecoderOperands(spec, operands, embedding, layers, norm, head_norm, head, cos, sin)


def _store_layer(decoder: Decoder, operands: Operands, index: int) -> LayerOperands:
    base, name = f"model.layers.{index}", f"layers.{index}"

    def linear(stem: str, parts: list[str]) -> Linear:
        paths = [f"{base}.{part}" for part in parts]
        weight = decoder.stacked(paths, "weight")
        assert weight is not None
        return operands.linear(f"{name}.{stem}", weight, decoder.stacked(paths, "bias"), WEIGHTS, rows=True)

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
    """Length values of a pass: ``steps`` i64 [] (S), ``keys`` i32 [B] (valid keys of each row, minus one), ``total``
    i32 [] (longest row with its padding), ``after`` i32 [B] (cache length of each row after the pass)."""

    steps: str
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
    return Lengths(steps, keys, total, after)


def emit_layers(
    nodes: Nodes, decoder: DecoderOperands, x: str, lengths: Lengths, past: list[str], present: list[str], probe: bool
) -> DecoderOutputs:
    """All layers over ``x`` [B, S, H].

    ``probe`` asks for the attention probabilities [B, heads, S, total] of each layer, and then every state is
    [B, S, width]. Otherwise everything between the attentions is flat, [B * S, width].
    """
    flat = not probe
    first = nodes.op("Reshape", [x, nodes.const([-1, decoder.spec.hidden])]) if flat else x
    shape = nodes.op("Concat", [nodes.op("Shape", [x], end=2), nodes.const([-1])], axis=0)
    outputs = DecoderOutputs(last=first, shape=shape)
    for index, layer in enumerate(decoder.layers):
        normed = _norm(nodes, decoder, outputs, layer.input_norm)
        outputs.skip = outputs.skip or first
        outputs.residuals.append(outputs.skip)
        cache = slice(2 * index, 2 * index + 2)
        attended = _attention(nodes, decoder, index, normed, lengths, past[cache], present[cache], probe, outputs)
        outputs.last = layer.output.emit(nodes, attended, flat=flat)
        normed = _norm(nodes, decoder, outputs, layer.post_norm)
        both = layer.gate_up.emit(nodes, normed, flat=flat)
        gate, up = nodes.multi("Split", [both], [nodes.fresh("gate"), nodes.fresh("up")], axis=-1, num_outputs=2)
        gated = nodes.op("Mul", [nodes.op("QuickGelu", [gate], domain=MICROSOFT, alpha=1.0), up])
        outputs.last = layer.down.emit(nodes, gated, flat=flat)
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
    packed = layer.qkv.emit(nodes, x, flat=not probe)
    if spec.qk_norm:
        query, key, val = _normed_heads(nodes, decoder, layer, packed, outputs.shape, probe)
    else:
        query, key, val = packed if probe else nodes.op("Reshape", [packed, outputs.shape]), "", ""
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
    if probe:
        return results[0]
    return nodes.op("Reshape", [results[0], nodes.const([-1, spec.heads * spec.head_dim])])


def _normed_heads(
    nodes: Nodes, decoder: DecoderOperands, layer: LayerOperands, packed: str, shape: str, probe: bool
) -> tuple[str, str, str]:
    """Split the packed projection and normalise queries and keys per head (Qwen3); each [B, S, ...]."""
    spec = decoder.spec
    widths = [spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim, spec.kv_heads * spec.head_dim]
    names = [nodes.fresh(part) for part in ("query", "key", "value")]
    nodes.multi("Split", [packed, nodes.const(widths)], names, axis=-1)

    def normed(x: str, heads: int, weight: str) -> str:
        lead = [0, 0] if probe else [0]
        split = nodes.op("Reshape", [x, nodes.const([*lead, heads, spec.head_dim])])
        return nodes.op("Reshape", [rms_norm(nodes, decoder, split, weight), shape])

    query = normed(names[0], spec.heads, layer.q_norm)
    key = normed(names[1], spec.kv_heads, layer.k_norm)
    return query, key, nodes.op("Reshape", [names[2], shape])


def emit_compose(nodes: Nodes, decoder: DecoderOperands, ids: str, soft: str, cached: str | None = None) -> str:
    """Input vectors [B, S, H] of mixed ids: ``id >= 0`` is a row of the token table, ``id < 0`` the soft row
    ``-id - 1`` of ``soft`` f32 [B, P, H]. P may be 0.

    A prompt gets one position of zeros behind it. The attention kernel works in blocks of queries, and a last block of
    one query is computed by another routine, whose rounding differs; so no valid position may be alone in a block, else
    a prompt's numbers would depend on its neighbours' lengths. ``cached`` i32 [B] tells prompts (0) from continuations;
    without it nothing is put behind: with probabilities among its outputs the kernel does not work in blocks.
    """
    shape = nodes.op("Concat", [nodes.batch_size(ids), nodes.const([1, decoder.spec.hidden])], axis=0)
    given = soft if decoder.dtype == TensorProto.FLOAT else nodes.op("Cast", [soft], to=decoder.dtype)
    rows = nodes.op("Concat", [nodes.zeros(shape, decoder.dtype), given], axis=1)
    zero = nodes.const(0)
    index = nodes.op("Unsqueeze", [nodes.op("Max", [nodes.op("Neg", [ids]), zero]), nodes.const([2])])
    soft_rows = nodes.op("GatherND", [rows, index], batch_dims=1)
    token_rows = decoder.embedding.gather(nodes, nodes.op("Max", [ids, zero]))
    is_soft = nodes.op("Unsqueeze", [nodes.op("Less", [ids, zero]), nodes.const([2])])
    vectors = nodes.op("Where", [is_soft, soft_rows, token_rows])
    if cached is None:
        return vectors
    steps = nodes.op("Shape", [ids], start=1, end=2)
    longest = nodes.op("ReduceMax", [cached], keepdims=0)
    first = nodes.op("Equal", [longest, nodes.const(0, np.int32)])
    extend = nodes.op("And", [nodes.op("Greater", [steps, nodes.const([1])]), first])
    extra = nodes.op("Cast", [extend], to=TensorProto.INT64)
    tail_shape = nodes.op("Concat", [nodes.batch_size(ids), extra, nodes.const([decoder.spec.hidden])], axis=0)
    return nodes.op("Concat", [vectors, nodes.zeros(tail_shape, decoder.dtype)], axis=1)


def emit_logits(nodes: Nodes, decoder: DecoderOperands, states: str, out: str | None = None, flat: bool = True) -> str:
    """Float32 logits [..., vocab] of last residual states [n, H] (or [B, S, H], not ``flat``); once per graph."""
    normed = rms_norm(nodes, decoder, states, decoder.head_norm)
    if decoder.dtype == TensorProto.FLOAT:
        return decoder.head.emit(nodes, normed, out, "head", flat)
    return nodes.op("Cast", [decoder.head.emit(nodes, normed, None, "head", flat)], out=out, to=TensorProto.FLOAT)


def emit_last_logits(
    nodes: Nodes, decoder: DecoderOperands, outputs: DecoderOutputs, lengths: Lengths, new: str, out: str | None = None
) -> str:
    """Logits [B, vocab] of each row's last valid position; only these rows pass the norm and the head."""
    batch = nodes.op("Squeeze", [nodes.op("Shape", [new]), nodes.const([0])])
    starts = nodes.op("Mul", [nodes.op("Range", [nodes.const(0), batch, nodes.const(1)]), lengths.steps])
    position = nodes.op("Add", [starts, nodes.op("Sub", [new, nodes.const(1)])])
    rows = [nodes.op("Gather", [name, position], axis=0) for name in (outputs.last, outputs.skip)]
    return emit_logits(nodes, decoder, nodes.op("Add", rows), out)
