"""``generate.onnx``: greedy decoding as one ONNX Loop.

Iteration 0 is the prefill, every further one adds a token per row. Weights are initializers of the main graph, used
exactly one subgraph deep: inside the body they would be kept twice, deeper they would not be prepacked. Only what is
asked for leaves the graph, so a whole answer costs one call and no copy of the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from lingualift_training.export.decoder import (
    DecoderOperands,
    emit_compose,
    emit_last_logits,
    emit_layers,
    emit_lengths,
)
from lingualift_training.export.graph import Nodes, Shape, prune, save_model, value

BATCH = "batch"


def prompt_inputs(decoder: DecoderOperands) -> list[onnx.ValueInfoProto]:
    """The inputs every decoder graph has: ids with soft rows, and how many of each row are valid."""
    return [
        value("input_ids", TensorProto.INT64, [BATCH, "sequence"]),
        value("soft_embeds", TensorProto.FLOAT, [BATCH, "soft_rows", decoder.spec.hidden]),
        value("seq_lengths", TensorProto.INT64, [BATCH]),
    ]


def cache_values(decoder: DecoderOperands, names: list[str], positions: str) -> list[onnx.ValueInfoProto]:
    """Cache inputs or outputs, each [B, kv_heads, positions, head_dim]."""
    shape: Shape = [BATCH, decoder.spec.kv_heads, positions, decoder.spec.head_dim]
    return [value(name, decoder.dtype, shape) for name in names]


@dataclass(frozen=True)
class _Carried:
    """One loop-carried value: its name, its initial value, its element type, its declared shape in the body."""

    name: str
    start: str
    dtype: int
    shape: Shape = None


def write_generate(decoder: DecoderOperands, path: Path, pad_id: int) -> None:
    """Write the graph. Finished rows go on with ``pad_id``; their tokens and log-probabilities are to be ignored."""
    outer, body = Nodes("g."), Nodes("b.")
    composed = emit_compose(outer, decoder, "input_ids", "soft_embeds", "past_lengths")
    zero_counts = outer.op("Sub", ["seq_lengths", "seq_lengths"])
    carried = [
        # The rank of x is declared: without it ONNX Runtime 1.30 takes separate queries for packed ones (Qwen3).
        _Carried("x", composed, decoder.dtype, ["body_batch", "body_sequence", decoder.spec.hidden]),
        _Carried("cached", "past_lengths", TensorProto.INT32),
        _Carried("new", "seq_lengths", TensorProto.INT64),
        _Carried("done", "done_in", TensorProto.BOOL),
        _Carried("count", zero_counts, TensorProto.INT64),
        *(_Carried(name, name, decoder.dtype) for name in decoder.past_names()),
    ]
    graph = _body(body, decoder, carried, pad_id)
    results = ["g.x", "cache_lengths", "g.new", "done", "num_tokens", *decoder.present_names()]
    outer.multi(
        "Loop",
        ["max_new_tokens", outer.const(True, np.bool_), *(c.start for c in carried)],
        [*results, "tokens", "token_logprobs"],
        body=graph,
    )
    inputs = prompt_inputs(decoder)
    inputs += [value("max_new_tokens", TensorProto.INT64, []), value("eos_ids", TensorProto.INT64, ["eos_count"])]
    inputs += [value("stop_count", TensorProto.INT64, []), value("past_lengths", TensorProto.INT32, [BATCH])]
    inputs += [value("done_in", TensorProto.BOOL, [BATCH])]
    inputs += cache_values(decoder, decoder.past_names(), "past_sequence")
    outputs = [
        value("tokens", TensorProto.INT64, ["steps", BATCH]),
        value("token_logprobs", TensorProto.FLOAT, ["steps", BATCH]),
        value("num_tokens", TensorProto.INT64, [BATCH]),
        value("done", TensorProto.BOOL, [BATCH]),
        value("cache_lengths", TensorProto.INT32, [BATCH]),
        *cache_values(decoder, decoder.present_names(), "total_sequence"),
    ]
    weights = [*decoder.operands.initializers(), *outer.constants.values()]
    save_model(path, outer.nodes, inputs, outputs, weights)


def _body(b: Nodes, decoder: DecoderOperands, carried: list[_Carried], pad_id: int) -> onnx.GraphProto:
    """One iteration: a pass over x [B, s, H] (s is the prompt's length first, then 1) and the choice of a token."""
    lengths = emit_lengths(b, "b.x", "b.cached", "b.new")
    past = [f"b.{name}" for name in decoder.past_names()]
    present = [f"b.{name}" for name in decoder.present_names()]
    passed = emit_layers(b, decoder, "b.x", lengths, past, present, probe=False)
    logits = emit_last_logits(b, decoder, passed, lengths, "b.new")
    token = b.op("Where", ["b.done", b.const(pad_id), b.op("ArgMax", [logits], axis=-1, keepdims=0)])
    b.op("Identity", [token], out="b.token")
    b.op("Where", ["b.done", b.const(0, np.float32), emit_best_logprob(b, logits)], out="b.logprob")
    running = b.op("Cast", [b.op("Not", ["b.done"])], to=TensorProto.INT64)
    b.op("Add", ["b.count", running], out="b.count_next")
    same = b.op("Equal", [b.op("Unsqueeze", [token, b.const([1])]), b.op("Unsqueeze", ["eos_ids", b.const([0])])])
    hits = b.op("ReduceSum", [b.op("Cast", [same], to=TensorProto.INT64), b.const([1])], keepdims=0)
    b.op("Or", ["b.done", b.op("Cast", [hits], to=TensorProto.BOOL)], out="b.done_next")
    finished = b.op("ReduceSum", [b.op("Cast", ["b.done_next"], to=TensorProto.INT64)], keepdims=0)
    b.op("Less", [finished, "stop_count"], out="b.go_on")
    b.op("Unsqueeze", [decoder.embedding.gather(b, token), b.const([1])], out="b.x_next")
    b.op("Identity", [lengths.after], out="b.cached_next")
    b.op("Add", [b.op("Sub", ["b.new", "b.new"]), b.const(1)], out="b.new_next")
    nexts = ["b.x_next", "b.cached_next", "b.new_next", "b.done_next", "b.count_next", *present]
    outputs = [value("b.go_on", TensorProto.BOOL, [])]
    outputs += [value(name, c.dtype, None) for name, c in zip(nexts, carried, strict=True)]
    outputs += [value("b.token", TensorProto.INT64, None), value("b.logprob", TensorProto.FLOAT, None)]
    inputs = [value("b.iteration", TensorProto.INT64, []), value("b.condition", TensorProto.BOOL, [])]
    inputs += [value(f"b.{c.name}", c.dtype, c.shape) for c in carried]
    nodes = prune(b.nodes, [output.name for output in outputs])
    return helper.make_graph(nodes, "decode", inputs, outputs, initializer=list(b.constants.values()))


def emit_best_logprob(b: Nodes, logits: str) -> str:
    """Log-probability [B] of the largest of logits f32 [B, vocab]: minus the log of the sum of exp(x - max)."""
    best = b.op("ReduceMax", [logits, b.const([1])], keepdims=1)
    weights = b.op("Exp", [b.op("Sub", [logits, best])])
    return b.op("Neg", [b.op("Log", [b.op("ReduceSum", [weights, b.const([1])], keepdims=0)])])
