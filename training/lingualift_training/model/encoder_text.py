"""What is done to a text before the encoder's tokenizer sees it.

Three settings, so few that any runtime can repeat them exactly. They are stored as ``textPrefix`` and ``normalise`` in
the encoder part of a recipe and of a bundle manifest:

``textPrefix``
    a string put in front of the text (e5 models were trained with ``"query: "``); its states are kept as soft tokens.
``normalise.digits``
    ``"ascii"`` replaces every character of Unicode category Nd by the ASCII digit of the same value; ``"keep"`` does
    nothing.
``normalise.spaceDigits``
    if true, one space is put between any two neighbouring characters of category Nd, so that every digit becomes an
    encoder token of its own: ``"1,250"`` becomes ``"1,2 5 0"``.

The order is: digits, spaces, prefix.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Literal


def _is_digit(char: str) -> bool:
    return char.isdecimal()


@dataclass(frozen=True)
class EncoderText:
    """Encoder input convention of one model; see the module's description of the three settings."""

    text_prefix: str = ""
    digits: Literal["ascii", "keep"] = "ascii"
    space_digits: bool = True

    def __post_init__(self) -> None:
        if self.digits not in ("ascii", "keep"):
            raise ValueError(f"normalise.digits must be 'ascii' or 'keep', got {self.digits!r}")

    def apply(self, text: str) -> str:
        """The text as the encoder's tokenizer gets it."""
        return self.apply_with_origin(text)[0]

    def apply_with_origin(self, text: str) -> tuple[str, list[int]]:
        """The prepared text and, for each of its characters, the index of its origin in ``text`` (-1: inserted)."""
        chars = list(self.text_prefix)
        origin = [-1] * len(chars)
        previous_digit = False
        for index, char in enumerate(text):
            digit = _is_digit(char)
            if digit and previous_digit and self.space_digits:
                chars.append(" ")
                origin.append(-1)
            chars.append(str(unicodedata.decimal(char)) if digit and self.digits == "ascii" else char)
            origin.append(index)
            previous_digit = digit
        return "".join(chars), origin

    def to_json(self) -> dict[str, Any]:
        """The fields ``textPrefix`` and ``normalise`` of a manifest's encoder part."""
        return {
            "textPrefix": self.text_prefix,
            "normalise": {"digits": self.digits, "spaceDigits": self.space_digits},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EncoderText:
        """Reads the two fields; a missing field has the neutral value (no prefix, text untouched)."""
        normalise = data.get("normalise", {})
        if unknown := set(normalise) - {"digits", "spaceDigits"}:
            raise ValueError(f"unknown fields of normalise: {', '.join(sorted(unknown))}")
        return cls(
            str(data.get("textPrefix", "")), normalise.get("digits", "keep"), bool(normalise.get("spaceDigits", False))
        )
