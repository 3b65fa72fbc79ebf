"""Errors as lines that a person and an editor can read: ``file:line: error: what happened and what to do``."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<message>.+)", re.DOTALL)
# What PyTorch says when memory is short: CUDA, the CPU allocator, MPS.
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)

MEMORY_ADVICE = (
    "lower optim.batch_size and raise optim.accumulation by the same factor, set optim.gradient_checkpointing, or "
    "shorten optim.max_encoder_tokens and optim.max_target_tokens"
)


def line_of(config: str | Path, setting: str) -> int:
    """Line of a setting such as ``optim.batch_size`` in a YAML file; of the nearest part of its path that is there."""
    try:
        node = yaml.compose(Path(config).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, yaml.YAMLError):
        return 1
    line = 1
    for name in setting.split("."):
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((key, value) for key, value in node.value if key.value == name), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on an accelerator or on the CPU."""
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


def error_line(config: str | Path, error: BaseException | str, setting: str = "") -> str:
    """One line ``file:line: error: message``.

    A message that names its own file and line keeps them; any other is placed at ``setting`` in the run's YAML file.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    placed = _PLACED.fullmatch(text)
    if placed:
        return f"{placed['file']}:{placed['line']}: error: {placed['message']}"
    return f"{config}:{line_of(config, setting)}: error: {text}"
