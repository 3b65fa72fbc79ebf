"""The decoder graphs of a single pass: ``step.onnx``, ``score.onnx`` and ``probe.onnx``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto

from lingualift_training.export.decoder import (
    DecoderOperands,
    DecoderOutputs,
    emit_compose,
    emit_last_logits,
    emit_layers,
    emit_lengths,
    emit_logits,
    rms_norm,
)
from lingualift_training.export.generate import BATCH, cache_values, prompt_inputs
from lingualift_training.export.graph import Nodes, prune, save_model, value


def write_step(decoder: DecoderOperands, path: Path) -> None:
    """One pass with a cache: logits f32 [B, vocab] of each row's last valid position, and the grown cache."""
    nodes = Nodes("s.")
    x = emit_compose(nodes, decoder, "input_ids", "soft_embeds", "past_lengths")
    lengths = emit_lengths(nodes, x, "past_lengths", "seq_lengths")
    nodes.op("Identity", [lengths.after], out="cache_lengths")
    passed = emit_layers(nodes, decoder, x, lengths, decoder.past_names(), decoder.present_names(), probe=False)
    emit_last_logits(nodes, decoder, passed, lengths, "seq_lengths", out="logits")
    inputs = [*prompt_inputs(decoder), value("past_lengths", TensorProto.INT32, [BATCH])]
    inputs += cache_values(decoder, decoder.past_names(), "past_sequence")
    outputs = [
        value("logits", TensorProto.FLOAT, [BATCH, decoder.spec.vocab]),
        value("cache_lengths", TensorProto.INT32, [BATCH]),
        *cache_values(decoder, decoder.present_names(), "total_sequence"),
    ]
    weights = [*decoder.operands.initializers(), *nodes.constants.values()]
    save_model(path, prune(nodes.nodes, [output.name for output in outputs]), inputs, outputs, weights)


def _whole_pass(nodes: Nodes, decoder: DecoderOperands, probe: bool) -> DecoderOutputs:
    """A pass without a cache before it."""
    cached = nodes.zeros(nodes.batch_size("input_ids"), TensorProto.INT32)
    x = emit_compose(nodes, decoder, "input_ids", "soft_embeds", None if probe else cached)
    lengths = emit_lengths(nodes, x, cached, "seq_lengths")
    shape = [nodes.batch_size("input_ids"), nodes.const([decoder.spec.kv_heads, 0, decoder.spec.head_dim])]
    empty = nodes.zeros(nodes.op("Concat", shape, axis=0), decoder.dtype)
    count = 2 * decoder.spec.layers
    return emit_layers(nodes, decoder, x, lengths, [empty] * count, decoder.present_names(), probe)


def write_score(decoder: DecoderOperands, path: Path) -> None:
    """Teacher forcing: ``labels`` i64 [B, S] holds the token wanted after each position, or a negative number for
    none. Gives ``token_logprobs`` f32 [B, S] and ``is_argmax`` bool [B, S]; 0 and false where there is no label.

    Only labelled positions pass the head, so that no [B, S, vocab] tensor exists.
    """
    nodes = Nodes("s.")
    passed = _whole_pass(nodes, decoder, probe=False)
    # The pass has one position more than the labels where a prompt was extended: see emit_compose.
    whole = nodes.op("Slice", [passed.shape, nodes.const([0]), nodes.const([2])])
    blank = nodes.op("Sub", [whole, nodes.op("Shape", ["labels"])])
    blank = nodes.op("Concat", [nodes.const([0, 0]), blank], axis=0)
    flat = nodes.op("Reshape", [nodes.op("Pad", ["labels", blank, nodes.const(-100)]), nodes.const([-1])])
    wanted = nodes.op("GreaterOrEqual", [flat, nodes.const(0)])
    where = nodes.op("Squeeze", [nodes.op("NonZero", [wanted]), nodes.const([0])])
    states = nodes.op("Gather", [nodes.op("Add", [passed.last, passed.skip]), where], axis=0)
    logits = emit_logits(nodes, decoder, states)
    labels = nodes.op("Gather", [flat, where], axis=0)
    logprobs = nodes.op("LogSoftmax", [logits], axis=-1)
    column = nodes.op("Unsqueeze", [labels, nodes.const([1])])
    chosen = nodes.op("Squeeze", [nodes.op("GatherElements", [logprobs, column], axis=1), nodes.const([1])])
    best = nodes.op("Equal", [nodes.op("ArgMax", [logits], axis=-1, keepdims=0), labels])

    def spread(values: str, dtype: int) -> str:
        empty = nodes.zeros(nodes.op("Shape", [flat]), dtype)
        filled = nodes.op("ScatterElements", [empty, where, values], axis=0)
        square = nodes.op("Reshape", [filled, whole])
        return nodes.op("Slice", [square, nodes.const([0]), nodes.op("Shape", ["labels"], start=1), nodes.const([1])])

    nodes.op("Identity", [spread(chosen, TensorProto.FLOAT)], out="token_logprobs")
    flags = spread(nodes.op("Cast", [best], to=TensorProto.INT64), TensorProto.INT64)
    nodes.op("Cast", [flags], out="is_argmax", to=TensorProto.BOOL)
    inputs = [*prompt_inputs(decoder), value("labels", TensorProto.INT64, [BATCH, "sequence"])]
    outputs = [
        value("token_logprobs", TensorProto.FLOAT, [BATCH, "sequence"]),
        value("is_argmax", TensorProto.BOOL, [BATCH, "sequence"]),
    ]
    weights = [*decoder.operands.initializers(), *nodes.constants.values()]
    save_model(path, prune(nodes.nodes, ["token_logprobs", "is_argmax"]), inputs, outputs, weights)


def write_probe(decoder: DecoderOperands, path: Path) -> None:
    """A pass that shows its inside: ``logits`` f32 [B, S, vocab], ``attention.N`` [B, heads, S, S] (probabilities of
    layer N) and ``hidden.N`` f32 [B, S, H] (``hidden.0`` the input vectors, the last one after the final norm)."""
    spec = decoder.spec
    nodes = Nodes("p.")
    passed = _whole_pass(nodes, decoder, probe=True)
    last = nodes.op("Add", [passed.last, passed.skip])
    normed = rms_norm(nodes, decoder, last, decoder.norm)
    emit_logits(nodes, decoder, last, out="logits", flat=False)
    outputs = [value("logits", TensorProto.FLOAT, [BATCH, "sequence", spec.vocab])]
    for index, name in enumerate([*passed.residuals, normed]):
        nodes.op("Cast", [name], out=f"hidden.{index}", to=TensorProto.FLOAT)
        outputs.append(value(f"hidden.{index}", TensorProto.FLOAT, [BATCH, "sequence", spec.hidden]))
    for index, name in enumerate(passed.attentions):
        nodes.op("Cast", [name], out=f"attention.{index}", to=TensorProto.FLOAT)
        shape = [BATCH, spec.heads, "sequence", "sequence"]
        outputs.append(value(f"attention.{index}", TensorProto.FLOAT, shape))
    weights = [*decoder.operands.initializers(), *nodes.constants.values()]
    keep = [output.name for output in outputs]
    save_model(path, prune(nodes.nodes, keep), prompt_inputs(decoder), outputs, weights)


def empty_cache(decoder: DecoderOperands, batch: int) -> dict[str, np.ndarray]:
    """Cache inputs before the first pass, for sessions in Python."""
    shape = (batch, decoder.spec.kv_heads, 0, decoder.spec.head_dim)
    return {name: np.zeros(shape, decoder.operands.precision.dtype) for name in decoder.past_names()}
