"""Evens out the scales of activations and weights before 8-bit quantisation with one scale per row.

A few input channels of a projection are far larger than the others, and a single scale for a row of activations leaves
the others few codes. Dividing each channel by a factor in front of the projection and multiplying the weights' column
by it changes nothing in exact arithmetic; the factors sqrt(activation / weight) share the difficulty between both sides
(SmoothQuant, arXiv 2211.10438, with migration strength 0.5). They are folded into what produces the channel: the norm's
weights, the value projection, or the up projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lingualift_training.export.checkpoint import Decoder
from lingualift_training.export.selftest import Case, input_vectors

SMALLEST = 1e-5
ATTENTION = "self_attn"


def channel_maxima(lm: Any, encoder: Any, connector: Any, cases: Sequence[Case]) -> dict[str, np.ndarray]:
    """Largest magnitude of every input channel of every linear layer over some prompts, by module name."""
    import torch

    maxima: dict[str, Any] = {}

    def watch(name: str) -> Any:
        def hook(_module: Any, inputs: tuple[Any, ...]) -> None:
            found = inputs[0].detach().abs().amax(dim=(0, 1))
            maxima[name] = torch.maximum(maxima[name], found) if name in maxima else found

        return hook

    linears = [(name, module) for name, module in lm.named_modules() if isinstance(module, torch.nn.Linear)]
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in linears]
    try:
        with torch.no_grad():
            for case in cases:
                lm(inputs_embeds=input_vectors(lm, encoder, connector, case))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: found.float().numpy() for name, found in maxima.items()}


def factors(activation: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    """One factor per input channel: sqrt(largest activation / largest weight)."""
    largest = np.max([np.abs(weight).max(0) for weight in weights], axis=0)
    ratio = np.maximum(activation, SMALLEST) / np.maximum(largest, SMALLEST)
    return np.sqrt(np.maximum(ratio, SMALLEST)).astype(np.float32)


def smooth(decoder: Decoder, maxima: dict[str, np.ndarray]) -> Decoder:
    """The same decoder with evened-out scales. Weights that did not change are shared with the original."""
    spec, weights = decoder.spec, dict(decoder.weights)

    def fold_norm(norm: str, names: list[str]) -> None:
        scale = factors(maxima[names[0]], [weights[f"{name}.weight"] for name in names])
        weights[f"{norm}.weight"] = weights[f"{norm}.weight"] / scale
        for name in names:
            weights[f"{name}.weight"] = weights[f"{name}.weight"] * scale

    for layer in range(spec.layers):
        base = f"model.layers.{layer}"
        fold_norm(f"{base}.input_layernorm", [f"{base}.{ATTENTION}.{part}_proj" for part in "qkv"])
        _fold_values(decoder, weights, maxima, f"{base}.{ATTENTION}")
        down = factors(maxima[f"{base}.mlp.down_proj"], [weights[f"{base}.mlp.down_proj.weight"]])
        weights[f"{base}.mlp.down_proj.weight"] = weights[f"{base}.mlp.down_proj.weight"] * down
        _divide_outputs(weights, f"{base}.mlp.up_proj", down)
        fold_norm(f"{base}.post_attention_layernorm", [f"{base}.mlp.gate_proj", f"{base}.mlp.up_proj"])
    scale = factors(maxima["lm_head"], [weights["lm_head.weight"]])
    weights["lm_head.weight"] = weights["lm_head.weight"] * scale
    return replace(decoder, weights=weights, head_norm=weights["model.norm.weight"] / scale)


def _fold_values(
    decoder: Decoder, weights: dict[str, np.ndarray], maxima: dict[str, np.ndarray], attention: str
) -> None:
    """Fold the output projection's factors into the values; the query heads of a group share a value, so a factor."""
    spec = decoder.spec
    grouped = (spec.kv_heads, spec.heads // spec.kv_heads, spec.head_dim)
    output = f"{attention}.o_proj.weight"
    activation = maxima[f"{attention}.o_proj"].reshape(grouped).max(1)
    columns = np.abs(weights[output]).max(0).reshape(grouped).max(1)
    shared = factors(activation.reshape(-1), [columns.reshape(1, -1)])
    wide = np.broadcast_to(shared.reshape(spec.kv_heads, 1, spec.head_dim), grouped).reshape(-1)
    weights[output] = weights[output] * wide
    _divide_outputs(weights, f"{attention}.v_proj", shared)


def _divide_outputs(weights: dict[str, np.ndarray], projection: str, divisor: np.ndarray) -> None:
    weights[f"{projection}.weight"] = weights[f"{projection}.weight"] / divisor[:, None]
    if f"{projection}.bias" in weights:
        weights[f"{projection}.bias"] = weights[f"{projection}.bias"] / divisor
