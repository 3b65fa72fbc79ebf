"""How the soft prefix and the LLM's own tokens become one sequence.

A sequence is a list of ids in which an id below zero stands for a soft row: id ``−1`` is row 0 of the alignment layer's
output, ``−2`` row 1, and so on. The decoder graphs of a bundle read the same notation. Because a sequence holds exactly
the rows that exist, padding stands only at one end of a batch, whatever the encoder's batch looked like.

``replace``
    the soft prefix stands for the question; the LLM sees no text of it (LangBridge, the released LinguaLIFT code).
``concat``
    soft prefix and text in an explicit order (MindMerger, LinguaLIFT's figure).
``placeholder``
    the soft prefix takes the place of one token inside the text.
``none``
    text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

MergeMode = Literal["replace", "concat", "placeholder", "none"]
Element = Literal["bos", "start", "enc", "end", "instruction", "text"]

IGNORED = -100
SOFT = ("start", "enc", "end")

DEFAULT_ORDERS: dict[str, tuple[Element, ...]] = {
    "replace": ("bos", "start", "enc", "end"),
    "concat": ("bos", "start", "enc", "end", "instruction", "text"),
    "placeholder": ("bos", "instruction", "text"),
    "none": ("bos", "instruction", "text"),
}


@dataclass(frozen=True)
class Merge:
    """Merge mode with its order.

    Attributes:
        mode: see the module.
        order: elements in sequence, each at most once. ``start``, ``enc``, ``end`` stand together and in this order:
            boundary vectors belong to the states they enclose. ``bos`` is skipped for a model without such a token.
            In ``placeholder`` mode the order holds no soft element.
        placeholder_id: token id that the soft prefix replaces (``placeholder`` mode only).
    """

    mode: MergeMode = "replace"
    order: tuple[Element, ...] = ()
    placeholder_id: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(MergeMode):
            raise ValueError(f"unknown merge mode {self.mode!r}; choose one of {get_args(MergeMode)}")
        if not self.order:
            object.__setattr__(self, "order", DEFAULT_ORDERS[self.mode])
        if unknown := [e for e in self.order if e not in get_args(Element)]:
            raise ValueError(f"unknown elements in merge order: {', '.join(unknown)}")
        if len(set(self.order)) != len(self.order):
            raise ValueError(f"merge order names an element twice: {', '.join(self.order)}")
        soft = [e for e in self.order if e in SOFT]
        if self.mode in ("replace", "concat"):
            if "enc" not in soft:
                raise ValueError(f"merge order of mode {self.mode!r} must contain 'enc'")
            first = self.order.index(soft[0])
            if tuple(self.order[first : first + len(soft)]) != tuple(e for e in SOFT if e in soft):
                raise ValueError("start, enc and end must stand together and in this order")
        elif soft:
            raise ValueError(f"merge order of mode {self.mode!r} must not contain {', '.join(soft)}")
        if self.mode == "placeholder" and self.placeholder_id is None:
            raise ValueError("mode 'placeholder' needs the id of the placeholder token")

    @property
    def uses_encoder(self) -> bool:
        """False only for mode ``none``."""
        return self.mode != "none"

    def compose(
        self, soft_rows: int, bos_id: int | None = None, instruction: Sequence[int] = (), text: Sequence[int] = ()
    ) -> list[int]:
        """The prompt as ids and soft rows.

        Args:
            soft_rows: rows of this problem's soft prefix, boundary vectors included.
            bos_id: beginning-of-sequence token of the LLM, if it has one.
            instruction: tokens of the instruction.
            text: tokens of the question in the LLM's vocabulary.

        Raises:
            ValueError: mode ``placeholder`` and the text does not hold the placeholder exactly once.
        """
        soft = [-1 - row for row in range(soft_rows)] if self.uses_encoder else []
        ids: list[int] = []
        soft_written = False
        for element in self.order:
            if element == "bos":
                ids += [] if bos_id is None else [bos_id]
            elif element == "instruction":
                ids += instruction
            elif element == "text":
                ids += text
            elif not soft_written:
                ids += soft
                soft_written = True
        if self.mode == "placeholder":
            count = ids.count(self.placeholder_id)  # type: ignore[arg-type]
            if count != 1:
                raise ValueError(f"the prompt holds the placeholder token {count} times; it must hold it once")
            at = ids.index(self.placeholder_id)  # type: ignore[arg-type]
            ids[at : at + 1] = soft
        return ids


@dataclass
class Sequences:
    """A batch under construction: prompts, with targets when there are any."""

    prompts: list[list[int]] = field(default_factory=list)
    targets: list[list[int]] = field(default_factory=list)

    def tensors(self, pad_id: int, side: Literal["left", "right"] = "right") -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` and ``labels``, each ``[B, S]`` int64; labels are −100 but for targets."""
        targets = self.targets or [[] for _ in self.prompts]
        length = max(len(p) + len(t) for p, t in zip(self.prompts, targets, strict=True))
        columns: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
        for prompt, target in zip(self.prompts, targets, strict=True):
            size = len(prompt) + len(target)
            row = {
                "input_ids": [*prompt, *target],
                "attention_mask": [1] * size,
                "labels": [IGNORED] * len(prompt) + list(target),
            }
            fill = {"input_ids": pad_id, "attention_mask": 0, "labels": IGNORED}
            for name, values in row.items():
                padding = [fill[name]] * (length - size)
                columns[name].append(padding + values if side == "left" else values + padding)
        return {name: torch.tensor(rows) for name, rows in columns.items()}


def positions(attention_mask: Tensor) -> Tensor:
    """Position ids from a mask ``[B, S]``: real tokens count from 0, padding does not count."""
    return (attention_mask.long().cumsum(1) - 1).clamp(min=0)
