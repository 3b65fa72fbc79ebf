"""Reads a decoder checkpoint into plain arrays: sizes, rotary tables, fused projections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.export.errors import ExportError

DECODERS = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
ROPE_TYPES = ("default", "linear", "llama3", "yarn")
MAX_ROTARY_POSITIONS = 32768


@dataclass(frozen=True)
class DecoderSpec:
    """The shape of a decoder. ``windows[i]`` is the sliding window of layer i or None, ``rotary[i]`` whether it has
    rotary positions; ``cos`` and ``sin`` are [positions + 1, head_dim / 2] with the attention scaling folded in."""

    model_type: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    eps: float
    max_positions: int
    tied: bool
    qk_norm: bool
    windows: tuple[int | None, ...]
    rotary: tuple[bool, ...]
    cos: np.ndarray
    sin: np.ndarray


@dataclass(frozen=True)
class Decoder:
    """A decoder in memory: its shape and its float32 weights under their Hugging Face names.

    ``head_norm`` replaces the last norm's weights in front of the head, where the two were scaled against each other.
    """

    spec: DecoderSpec
    weights: dict[str, np.ndarray]
    head_norm: np.ndarray | None = None

    def get(self, name: str) -> np.ndarray:
        """A weight by name."""
        return self.weights[name]

    def find(self, name: str) -> np.ndarray | None:
        """A weight by name, or None when the checkpoint has none."""
        return self.weights.get(name)

    def stacked(self, names: list[str], kind: str) -> np.ndarray | None:
        """Several projections of the same input stacked along their outputs; absent biases count as zero."""
        found = [self.find(f"{name}.{kind}") for name in names]
        if all(array is None for array in found):
            return None
        rows = [self.get(f"{name}.weight").shape[0] for name in names]
        return np.concatenate([np.zeros(n, np.float32) if a is None else a for a, n in zip(found, rows, strict=True)])


def load_causal_lm(source: str | Path, adapter: str | Path | None = None) -> Any:
    """Load a causal language model in float32, with a LoRA adapter merged into it when one is given.

    ``source`` is a folder or a hub id. Raises :class:`ExportError` when the checkpoint or adapter cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(str(source), dtype=torch.float32, attn_implementation="eager")
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot load the language model {source}: {error}") from error
    if adapter is not None:
        from peft import PeftModel

        try:
            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        except (OSError, ValueError, RuntimeError) as error:
            raise ExportError(f"cannot merge the adapter {adapter} into {source}: {error}") from error
    return model.eval()


def read_decoder(model: Any) -> Decoder:
    """Take a Transformers causal language model apart; raises :class:`ExportError` for what cannot be exported."""
    config = model.config
    if config.model_type not in DECODERS:
        raise ExportError(
            f"decoders of type {config.model_type!r} cannot be exported; supported: {', '.join(DECODERS)}"
        )
    if config.hidden_act != "silu":
        raise ExportError(f"the decoder's activation is {config.hidden_act!r}; only 'silu' is supported")
    weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if head_dim % 16:
        raise ExportError(f"the head dimension is {head_dim}; the attention kernel needs a multiple of 16")
    cos, sin, positions = rotary_tables(model)
    layers = config.num_hidden_layers
    spec = DecoderSpec(
        model_type=config.model_type,
        hidden=config.hidden_size,
        layers=layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=head_dim,
        vocab=weights["model.embed_tokens.weight"].shape[0],
        eps=config.rms_norm_eps,
        max_positions=positions,
        tied=bool(config.tie_word_embeddings),
        qk_norm="model.layers.0.self_attn.q_norm.weight" in weights,
        windows=sliding_windows(config),
        rotary=tuple(bool(x) for x in (getattr(config, "no_rope_layers", None) or [1] * layers)),
        cos=cos,
        sin=sin,
    )
    return Decoder(spec, weights)


def sliding_windows(config: Any) -> tuple[int | None, ...]:
    """The sliding window of each layer, as Transformers applies it."""
    layers = config.num_hidden_layers
    window = getattr(config, "sliding_window", None)
    if not window or getattr(config, "use_sliding_window", True) is False:
        return (None,) * layers
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * layers
    return tuple(int(window) if kind == "sliding_attention" else None for kind in kinds)


def rotary_tables(model: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Cosines and sines [positions, head_dim / 2] from the model's own rotary module, and the number of positions."""
    import torch

    config = model.config
    kind = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if kind not in ROPE_TYPES:
        raise ExportError(f"rotary scaling {kind!r} depends on the input length; supported: {', '.join(ROPE_TYPES)}")
    rotary = model.model.rotary_emb
    positions = min(int(config.max_position_embeddings), MAX_ROTARY_POSITIONS)
    frequencies = rotary.inv_freq.float().cpu()
    # One row more than positions: a prompt is extended by one position in the graph.
    angles = torch.arange(positions + 1, dtype=torch.float32)[:, None] * frequencies[None, :]
    scaling = float(getattr(rotary, "attention_scaling", 1.0))
    return (angles.cos() * scaling).numpy(), (angles.sin() * scaling).numpy(), positions
