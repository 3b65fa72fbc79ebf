"""What an export is asked to do, checked before any weight is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lingualift_training.export.errors import ExportError
from lingualift_training.export.operands import PRECISIONS

METHODS = ("lingualift", "langbridge", "mindmerger", "text")
MERGES = ("replace", "concat", "none")
ELEMENTS = ("bos", "start", "enc", "end", "instruction", "text")
SOFT = ("start", "enc", "end")

DEFAULT_MERGE = {"lingualift": "replace", "langbridge": "replace", "mindmerger": "concat", "text": "none"}
DEFAULT_TAIL: dict[tuple[str, str], list[str]] = {
    ("lingualift", "concat"): ["instruction"],
    ("mindmerger", "concat"): ["text"],
}


@dataclass
class ExportOptions:
    """One export. Paths and hub ids are as the user gave them."""

    out: Path
    lm: str
    adapter: Path | None = None
    encoder: str | None = None
    connector: Path | None = None
    method: str = "lingualift"
    merge: str | None = None
    order: list[str] | None = None
    precisions: list[str] = field(default_factory=lambda: ["fp32", "int8"])
    prompt_template: str = "plain"
    chat: bool | None = None
    name: str = ""
    max_length_encoder: int | None = None
    max_new_tokens: int = 256
    stop: list[str] = field(default_factory=list)
    encoder_text: dict[str, Any] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)
    delta: str | None = None
    created: str | None = None
    self_test_prompts: int = 16
    self_test_tokens: int = 16
    license: str = ""

    def check(self) -> None:
        """Raise :class:`ExportError` for options that contradict each other."""
        if self.method not in METHODS:
            raise ExportError(f"unknown method {self.method!r}; choose one of {', '.join(METHODS)}")
        if self.merge is not None and self.merge not in MERGES:
            raise ExportError(f"unknown merge {self.merge!r}; choose one of {', '.join(MERGES)}")
        unknown = [name for name in self.precisions if name not in PRECISIONS]
        if unknown:
            raise ExportError(f"unknown precision {unknown[0]!r}; choose from {', '.join(PRECISIONS)}")
        if "fp32" not in self.precisions:
            raise ExportError("fp32 must be among the precisions: it is the reference the others are held against")
        if len(set(self.precisions)) != len(self.precisions):
            raise ExportError(f"a precision is named twice: {', '.join(self.precisions)}")
        if self.method == "text" and (self.encoder or self.connector):
            raise ExportError("method 'text' has no encoder: leave --encoder and --connector out")
        if self.method != "text" and not (self.encoder and self.connector):
            raise ExportError(f"method {self.method!r} needs both --encoder and --connector")
        if (self.merge_mode == "none") != (self.method == "text"):
            raise ExportError("merge 'none' and method 'text' belong together")

    @property
    def merge_mode(self) -> str:
        """The merge mode asked for, or the method's own."""
        return self.merge or DEFAULT_MERGE[self.method]


def merge_order(options: ExportOptions, start: bool, end: bool, bos: bool) -> list[str]:
    """The order of the input's elements: the one asked for, or the method's own.

    ``start`` and ``end`` tell which boundary vectors the alignment layer has, ``bos`` whether the language model
    starts with a beginning-of-sequence token. Raises :class:`ExportError` when an order does not fit them.
    """
    soft = [name for name, there in zip(SOFT, (start, True, end), strict=True) if there]
    if options.method == "text":
        soft = []
    if options.order is None:
        tail = ["text"] if options.method == "text" else DEFAULT_TAIL.get((options.method, options.merge_mode), [])
        if options.merge_mode == "concat" and not tail:
            tail = ["text"]
        return (["bos"] if bos else []) + soft + tail
    order = options.order
    unknown = [name for name in order if name not in ELEMENTS]
    if unknown:
        raise ExportError(f"unknown element {unknown[0]!r} in the order; choose from {', '.join(ELEMENTS)}")
    if len(set(order)) != len(order):
        raise ExportError(f"the order names an element twice: {', '.join(order)}")
    given = [name for name in order if name in SOFT]
    if given != soft:
        wanted = ",".join(soft) or "none"
        raise ExportError(f"the soft elements of the order must be {wanted} for this model, not {','.join(given)}")
    first = order.index(soft[0]) if soft else 0
    if soft and order[first : first + len(soft)] != soft:
        raise ExportError("start, enc and end must stand side by side: the encoder graph gives them as one block")
    if options.merge_mode == "replace" and {"instruction", "text"} & set(order):
        raise ExportError("merge 'replace' gives the language model no text; use 'concat' with this order")
    return list(order)
