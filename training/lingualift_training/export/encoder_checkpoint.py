"""Reads a multilingual encoder checkpoint into plain arrays, one shape for the BERT and one for the T5 family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lingualift_training.export.errors import ExportError

ENCODERS = ("bert", "xlm-roberta", "mt5", "umt5")


@dataclass(frozen=True)
class EncoderSpec:
    """The shape of an encoder. ``positions`` is the longest input the model takes, or None where it has no limit."""

    model_type: str
    family: Literal["bert", "t5"]
    hidden: int
    layers: int
    heads: int
    head_dim: int
    vocab: int
    eps: float
    pad_id: int
    positions: int | None


@dataclass(frozen=True)
class Encoder:
    """An encoder in memory: its shape and its float32 weights under their Hugging Face names."""

    spec: EncoderSpec
    weights: dict[str, np.ndarray]
    position_table: np.ndarray | None = None
    """BERT family: [positions, hidden], the row of the first token first, token type 0 added."""
    distance_tables: list[np.ndarray] | None = None
    """T5 family: per layer [2 * reach + 1, heads], the attention bias of each distance from -reach to reach."""

    def get(self, name: str) -> np.ndarray:
        """A weight by name."""
        return self.weights[name]


def load_encoder(source: str | Path) -> Any:
    """Load an encoder in float32 without a pooling layer. ``source`` is a folder or a hub id."""
    import torch
    from transformers import AutoConfig, BertModel, MT5EncoderModel, UMT5EncoderModel, XLMRobertaModel

    classes: dict[str, Any] = {
        "bert": BertModel,
        "xlm-roberta": XLMRobertaModel,
        "mt5": MT5EncoderModel,
        "umt5": UMT5EncoderModel,
    }
    try:
        kind = AutoConfig.from_pretrained(str(source)).model_type
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot read the encoder {source}: {error}") from error
    if kind not in classes:
        raise ExportError(f"encoders of type {kind!r} cannot be exported; supported: {', '.join(ENCODERS)}")
    options = {"add_pooling_layer": False} if kind in ("bert", "xlm-roberta") else {}
    try:
        model = classes[kind].from_pretrained(str(source), dtype=torch.float32, attn_implementation="eager", **options)
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot load the encoder {source}: {error}") from error
    return model.eval()


def read_encoder(model: Any) -> Encoder:
    """Take a Transformers encoder apart; raises :class:`ExportError` for what cannot be exported."""
    config = model.config
    weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    if config.model_type in ("bert", "xlm-roberta"):
        return _read_bert(config, weights)
    if config.model_type in ("mt5", "umt5"):
        return _read_t5(config, weights)
    raise ExportError(f"encoders of type {config.model_type!r} cannot be exported; supported: {', '.join(ENCODERS)}")


def _read_bert(config: Any, weights: dict[str, np.ndarray]) -> Encoder:
    if config.hidden_act != "gelu":
        raise ExportError(f"the encoder's activation is {config.hidden_act!r}; only 'gelu' is supported")
    if getattr(config, "position_embedding_type", "absolute") not in ("absolute", None):
        raise ExportError("only absolute position embeddings are supported in BERT-like encoders")
    offset = config.pad_token_id + 1 if config.model_type == "xlm-roberta" else 0
    table = weights["embeddings.position_embeddings.weight"][offset:]
    table = table + weights["embeddings.token_type_embeddings.weight"][0]
    spec = EncoderSpec(
        model_type=config.model_type,
        family="bert",
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        head_dim=config.hidden_size // config.num_attention_heads,
        vocab=config.vocab_size,
        eps=config.layer_norm_eps,
        pad_id=config.pad_token_id,
        positions=table.shape[0],
    )
    return Encoder(spec, weights, position_table=table)


def _read_t5(config: Any, weights: dict[str, np.ndarray]) -> Encoder:
    if not config.is_gated_act or config.dense_act_fn != "gelu_new":
        raise ExportError(f"T5 feed-forward {config.feed_forward_proj!r} is not supported; only 'gated-gelu' is")
    spec = EncoderSpec(
        model_type=config.model_type,
        family="t5",
        hidden=config.d_model,
        layers=config.num_layers,
        heads=config.num_heads,
        head_dim=config.d_kv,
        vocab=weights["shared.weight"].shape[0],
        eps=config.layer_norm_epsilon,
        pad_id=config.pad_token_id,
        positions=None,
    )
    tables: list[np.ndarray] = []
    for layer in range(spec.layers):
        key = f"encoder.block.{layer}.layer.0.SelfAttention.relative_attention_bias.weight"
        # mT5 keeps one table in its first layer and shares it; umT5 has one in every layer.
        tables.append(_distance_table(config, weights[key]) if key in weights else tables[0])
    return Encoder(spec, weights, distance_tables=tables)


def _distance_table(config: Any, buckets: np.ndarray) -> np.ndarray:
    """The attention bias of every distance (key position minus query position), which T5 keeps in buckets.

    Half of the buckets serve each direction; in each half the first ones hold one distance each and the others grow
    logarithmically up to ``relative_attention_max_distance``, beyond which the last bucket holds.
    """
    reach = int(config.relative_attention_max_distance)
    half = int(config.relative_attention_num_buckets) // 2
    exact = half // 2
    distance = np.arange(-reach, reach + 1)
    size = np.abs(distance)
    ratio = np.log(np.maximum(size, 1).astype(np.float32) / exact) / np.float32(np.log(reach / exact))
    far = np.minimum(exact + (ratio * np.float32(half - exact)).astype(np.int64), half - 1)
    bucket = np.where(distance > 0, half, 0) + np.where(size < exact, size, far)
    return buckets[bucket]
