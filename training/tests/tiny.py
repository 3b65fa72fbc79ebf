"""Tiny random models and corpora for the training tests."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer, UnigramTrainer
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from lingualift_training.data.wordproblems import generate

TRANSLATIONS = {
    "apples": "manzanas", "pencils": "lápices", "books": "libros", "has": "tiene", "gave": "dio", "many": "muchos",
    "more": "más", "how": "cuántos", "have": "tener", "left": "quedan", "toys": "juguetes", "shop": "tienda",
    "box": "caja", "bag": "bolsa", "each": "cada", "day": "día", "friends": "amigos", "children": "niños",
}  # fmt: skip


def make_encoder(folder: Path, hidden: int = 16) -> Path:
    """A random BERT with a sentence-piece-like tokenizer."""
    texts = [p.question for p in generate(200, 5)] + list(TRANSLATIONS.values())
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        texts, UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=hidden,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=2 * hidden,
            max_position_embeddings=256,
        ),
        add_pooling_layer=False,
    ).save_pretrained(folder)
    return folder


def make_llm(folder: Path, hidden: int = 24) -> Path:
    """A random Llama with a byte-level tokenizer."""
    texts = [f"{p.question} {p.completion}" for p in generate(200, 6)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    special = ["<|end|>", "<|start|>"]
    tokenizer.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=500,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|start|>", eos_token="<|end|>", pad_token="<|end|>"
    ).save_pretrained(folder)
    torch.manual_seed(2)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=0,
            pad_token_id=0,
        )
    ).save_pretrained(folder)
    return folder


def make_lexicon(path: Path) -> Path:
    """A small English-Spanish dictionary file."""
    path.write_text("".join(f"{en}\t{es}\n" for en, es in TRANSLATIONS.items()), encoding="utf-8")
    return path
