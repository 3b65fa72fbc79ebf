"""Word vectors from a multilingual encoder: the mean of the states of a word's own tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..model.encoder_text import EncoderText


@torch.no_grad()
def word_vectors(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    words: Sequence[str],
    text: EncoderText | None = None,
    batch_tokens: int = 4096,
) -> NDArray[np.float32]:
    """Encodes each word alone and averages the last hidden states of its own tokens, ``[words, d_enc]``.

    States of special tokens and of the text prefix are left out: they tell more of the language than of the word.

    Args:
        words: words in any script; a word without a token of its own gets a zero vector.
        text: encoder input convention; none when absent.
        batch_tokens: padded tokens per forward pass.
    """
    text = text or EncoderText("", "keep", False)
    prepared = [text.apply(word) for word in words]
    encoded = tokenizer(prepared, return_offsets_mapping=True, return_special_tokens_mask=True)
    ids: list[list[int]] = encoded["input_ids"]
    own = [
        [not special and end > len(text.text_prefix) for special, (_, end) in zip(mask, offsets, strict=True)]
        for mask, offsets in zip(encoded["special_tokens_mask"], encoded["offset_mapping"], strict=True)
    ]
    width = encoder.get_input_embeddings().weight.shape[1]
    vectors = np.zeros((len(words), width), np.float32)
    order = sorted(range(len(words)), key=lambda i: len(ids[i]))
    pad = tokenizer.pad_token_id or 0
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and len(ids[order[end]]) * (end + 1 - start) <= batch_tokens:
            end += 1
        rows = order[start:end]
        length = len(ids[rows[-1]])
        batch = torch.tensor([ids[i] + [pad] * (length - len(ids[i])) for i in rows], device=encoder.device)
        mask = torch.tensor([[1] * len(ids[i]) + [0] * (length - len(ids[i])) for i in rows], device=encoder.device)
        states = encoder(input_ids=batch, attention_mask=mask).last_hidden_state.float()
        weight = torch.tensor([own[i] + [False] * (length - len(ids[i])) for i in rows], device=encoder.device).float()
        mean = (states * weight[..., None]).sum(1) / weight.sum(1, keepdim=True).clamp(min=1)
        vectors[rows] = mean.cpu().numpy()
        start = end
    return vectors
