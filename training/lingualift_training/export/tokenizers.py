"""Writes the tokenizers of a bundle so that Python and JavaScript give the same ids.

The JavaScript library of the engine reads ``tokenizer.json``, with two differences that are written around here: it
knows no ``Nmt`` normaliser, and its ``Digits`` pre-tokenizer sees ASCII digits only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lingualift_training.export.errors import ExportError

NMT_DELETED = r"[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]"
NMT_SPACES = r"[\u0009\u000A\u000C\u000D\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]"
NUMERIC = r"\p{N}"
"""What Python's ``Digits`` takes for a digit: every character of the categories Nd, Nl and No."""

KEPT = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def nmt_rules() -> list[dict[str, Any]]:
    """The ``Nmt`` normaliser as ``Replace`` rules: control characters vanish, odd spaces become spaces."""
    # Code points are written out: both regex engines read them the same way.
    deleted = NMT_DELETED.encode().decode("unicode_escape")
    spaces = NMT_SPACES.encode().decode("unicode_escape")
    return [
        {"type": "Replace", "pattern": {"Regex": deleted}, "content": ""},
        {"type": "Replace", "pattern": {"Regex": spaces}, "content": " "},
    ]


def without_nmt(normalizer: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normaliser in which every ``Nmt`` is replaced by its rules."""
    if normalizer is None:
        return None
    if normalizer["type"] == "Nmt":
        return {"type": "Sequence", "normalizers": nmt_rules()}
    if normalizer["type"] != "Sequence":
        return normalizer
    parts: list[dict[str, Any]] = []
    for part in normalizer["normalizers"]:
        plain = without_nmt(part)
        if plain is not None:
            parts += plain["normalizers"] if part["type"] == "Nmt" else [plain]
    return {**normalizer, "normalizers": parts}


def with_plain_digits(pre_tokenizer: dict[str, Any] | None) -> dict[str, Any] | None:
    """A pre-tokenizer in which ``Digits`` over single digits is a ``Split`` at every numeric character."""
    if pre_tokenizer is None:
        return None
    if pre_tokenizer["type"] == "Sequence":
        parts = [with_plain_digits(part) for part in pre_tokenizer["pretokenizers"]]
        return {**pre_tokenizer, "pretokenizers": parts}
    if pre_tokenizer["type"] != "Digits":
        return pre_tokenizer
    pattern = NUMERIC if pre_tokenizer["individual_digits"] else f"{NUMERIC}+"
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def write_tokenizer(source: Path, folder: Path) -> Any:
    """Save the tokenizer of a model folder into ``folder`` and return it.

    Raises :class:`ExportError` when the model has no fast tokenizer, which is the only kind JavaScript can read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot load the tokenizer of {source.name}: {error}") from error
    if not tokenizer.is_fast:
        raise ExportError(f"{source.name} has no fast tokenizer (tokenizer.json), which the engine needs")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
    for path in folder.iterdir():
        if path.name not in KEPT:
            path.unlink()
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["normalizer"] = without_nmt(data.get("normalizer"))
    data["pre_tokenizer"] = with_plain_digits(data.get("pre_tokenizer"))
    data["truncation"] = data["padding"] = None
    path.write_text(json.dumps(data, ensure_ascii=False, indent=None) + "\n", encoding="utf-8")
    return tokenizer


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer itself puts the beginning-of-sequence token in front of a text."""
    ids = tokenizer("a")["input_ids"]
    return bool(ids) and tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id
