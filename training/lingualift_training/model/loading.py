"""Loading the two pretrained parts from Hugging Face folders or hub ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    MT5EncoderModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5EncoderModel,
    UMT5EncoderModel,
)

BASE_PREFIX = "base:"

_ENCODER_CLASSES = {"mt5": MT5EncoderModel, "t5": T5EncoderModel, "umt5": UMT5EncoderModel}
_POOLED = {"bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert"}


def resolve(source: str | Path) -> str:
    """Folder or hub id of a model. ``base:NAME`` is a base model fetched by ``python -m lingualift_training.base``.

    Raises:
        FileNotFoundError: the base model was not fetched yet.
    """
    text = str(source)
    if not text.startswith(BASE_PREFIX):
        return text
    from ..base.models import base_folder

    folder = base_folder(text.removeprefix(BASE_PREFIX))
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{text} is not there yet; run: python -m lingualift_training.base fetch")
    return str(folder)


class TranslationEncoder(PreTrainedModel):
    """The encoder half of a translation model (NLLB, M2M-100); the decoder is dropped."""

    config_class = PreTrainedConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: PreTrainedConfig, encoder: nn.Module) -> None:
        super().__init__(config)
        self.encoder = encoder

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder.embed_tokens

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask)


def encoder_from_config(config: PreTrainedConfig) -> PreTrainedModel:
    """An encoder with random weights; of encoder-decoder families only the encoder is built."""
    if config.model_type in _ENCODER_CLASSES:
        return _ENCODER_CLASSES[config.model_type](config)
    if config.model_type == "m2m_100":
        return TranslationEncoder(config, AutoModel.from_config(config).encoder)
    if config.model_type in _POOLED:
        return AutoModel.from_config(config, add_pooling_layer=False)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(f"encoders of family {config.model_type!r} are not supported")
    return AutoModel.from_config(config)


def load_encoder(source: str | Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Loads the encoder of a folder or hub id, in evaluation mode.

    mT5 encoders overflow in float16; load them in bfloat16 or float32.
    """
    source = resolve(source)
    config = AutoConfig.from_pretrained(source)
    if config.model_type in ("mt5", "umt5") and dtype == torch.float16:
        raise ValueError("mT5 and umT5 encoders overflow in float16; choose bfloat16 or float32")
    if config.model_type in _ENCODER_CLASSES:
        return _ENCODER_CLASSES[config.model_type].from_pretrained(source, dtype=dtype).eval()
    if config.model_type == "m2m_100":
        encoder = AutoModel.from_pretrained(source, dtype=dtype).encoder
        return TranslationEncoder(config, encoder).eval()
    extra = {"add_pooling_layer": False} if config.model_type in _POOLED else {}
    return AutoModel.from_pretrained(source, dtype=dtype, **extra).eval()


def encoder_width(encoder: PreTrainedModel) -> int:
    """Hidden size of an encoder's last state."""
    config = encoder.config
    return int(getattr(config, "hidden_size", None) or config.d_model)


def load_llm(source: str | Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Loads a causal language model of a folder or hub id, in evaluation mode."""
    return AutoModelForCausalLM.from_pretrained(resolve(source), dtype=dtype).eval()


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Loads a fast tokenizer; a folder with a bare ``tokenizer.json`` is enough.

    Raises:
        ValueError: the tokenizer has no fast version. Word alignment needs character offsets, which only it gives.
    """
    source = resolve(source)
    folder = Path(source)
    if folder.is_dir() and not (folder / "tokenizer_config.json").is_file():
        tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        for name, token in (
            ("pad_token", "<pad>"),
            ("unk_token", "<unk>"),
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
        ):
            if token in tokenizer.get_vocab():
                setattr(tokenizer, name, token)
    else:
        tokenizer = AutoTokenizer.from_pretrained(source)
    if not tokenizer.is_fast:
        raise ValueError(f"{source} has no fast tokenizer; save one with tokenizer.json")
    return tokenizer
