"""``config.json`` for a bundle's language model, found from the bundle alone or checked against a given one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.export.checkpoint import rotary_tables, sliding_windows
from lingualift_training.export.errors import ExportError
from lingualift_training.serve.bundle_weights import BundleWeights

ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
}
DIGITS = 8


def describe(bundle: BundleWeights, given: Path | None) -> dict[str, Any]:
    """The configuration of the bundle's decoder.

    ``given`` is the ``config.json`` of the original checkpoint (or its folder); it is needed when the rotary positions
    are scaled in a way that the tables alone do not tell. Either way the rotary tables that the result means are
    computed with Transformers and must equal the bundle's. Raises :class:`ExportError` when they do not.
    """
    config = _own(bundle) if given is None else _given(bundle, given)
    cos, sin = tables(config)
    rows = min(len(cos), len(bundle.array("rotary.cos")))
    same = np.array_equal(cos[:rows], bundle.array("rotary.cos")[:rows])
    if not same or not np.array_equal(sin[:rows], bundle.array("rotary.sin")[:rows]):
        if given is None:
            raise ExportError(
                "the rotary positions of this model are scaled, and the bundle keeps only their tables; give the "
                "config.json of the original checkpoint with --config"
            )
        raise ExportError(f"{given} has other rotary positions than the bundle: it is not this model's configuration")
    return config


def _own(bundle: BundleWeights) -> dict[str, Any]:
    lm = bundle.lm
    config: dict[str, Any] = {
        "architectures": [_architecture(lm["modelType"])],
        "model_type": lm["modelType"],
        "hidden_size": lm["hidden"],
        "intermediate_size": bundle.intermediate,
        "num_hidden_layers": lm["layers"],
        "num_attention_heads": lm["heads"],
        "num_key_value_heads": lm["kvHeads"],
        "head_dim": lm["headDim"],
        "vocab_size": lm["vocab"],
        "max_position_embeddings": lm["maxPositions"],
        "rms_norm_eps": bundle.eps,
        "hidden_act": "silu",
        "tie_word_embeddings": lm["tiedEmbeddings"],
        "attention_bias": lm["modelType"] == "llama" and bundle.has("layers.0.qkv.bias"),
        "mlp_bias": bundle.has("layers.0.gate_up.bias"),
        "bos_token_id": lm["bosId"],
        "eos_token_id": lm["eosIds"][0] if len(lm["eosIds"]) == 1 else lm["eosIds"],
        "pad_token_id": lm["padId"],
        "use_cache": True,
    }
    window = {size for size in bundle.windows if size is not None}
    if window:
        if len(window) > 1:
            raise ExportError("the layers have sliding windows of different sizes; give --config")
        kinds = ["full_attention" if size is None else "sliding_attention" for size in bundle.windows]
        config |= {"sliding_window": window.pop(), "use_sliding_window": True, "layer_types": kinds}
    else:
        config |= {"sliding_window": None, "use_sliding_window": False}
    if not all(bundle.rotary):
        config["no_rope_layers"] = [int(x) for x in bundle.rotary]
    return config | _rotary(bundle)


def _architecture(kind: str) -> str:
    if kind not in ARCHITECTURES:
        raise ExportError(f"decoders of type {kind!r} cannot be served; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[kind]


def _rotary(bundle: BundleWeights) -> dict[str, Any]:
    """Base and linear factor from the angles of position 1. What they mean is checked by the caller."""
    cos = np.asarray(bundle.array("rotary.cos")[1], np.float64)
    sin = np.asarray(bundle.array("rotary.sin")[1], np.float64)
    angles = np.arctan2(sin, cos)
    width = 2 * len(angles)
    factor = 1 / angles[0]
    theta = (angles[0] / angles[-1]) ** (width / (width - 2))
    theta = float(f"{theta:.{DIGITS - 3}g}")
    if abs(factor - 1) < 1e-6:
        return {"rope_theta": theta, "rope_parameters": {"rope_type": "default", "rope_theta": theta}}
    scaled = {"rope_type": "linear", "factor": float(f"{factor:.{DIGITS - 3}g}")}
    return {"rope_theta": theta, "rope_scaling": scaled, "rope_parameters": {**scaled, "rope_theta": theta}}


def _given(bundle: BundleWeights, given: Path) -> dict[str, Any]:
    path = given / "config.json" if given.is_dir() else given
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot read {path}: {error}") from error
    lm = bundle.lm
    wanted = {
        "model_type": lm["modelType"],
        "hidden_size": lm["hidden"],
        "num_hidden_layers": lm["layers"],
        "num_attention_heads": lm["heads"],
        "intermediate_size": bundle.intermediate,
    }
    for key, value in wanted.items():
        if config.get(key) != value:
            raise ExportError(f"{path}: {key} is {config.get(key)!r}, the bundle has {value!r}: it is another model's")
    config["vocab_size"] = lm["vocab"]
    config["tie_word_embeddings"] = lm["tiedEmbeddings"]
    for stale in ("dtype", "torch_dtype", "quantization_config", "auto_map"):
        config.pop(stale, None)
    from transformers import AutoConfig

    windows = sliding_windows(AutoConfig.for_model(**config))
    if list(windows) != bundle.windows:
        raise ExportError(f"{path} has other sliding windows than the bundle")
    return config


def tables(config: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rotary cosines and sines [positions + 1, head_dim / 2] that Transformers computes for a configuration."""
    from transformers import AutoConfig, AutoModelForCausalLM

    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    small = {
        "hidden_size": head,
        "head_dim": head,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": 8,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    listed = {key: config[key][:1] for key in ("layer_types", "no_rope_layers") if config.get(key)}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**{**config, **small, **listed}))
    cos, sin, _ = rotary_tables(model)
    return cos, sin
