"""Check of training questions against benchmark questions.

Two measures: the normalised text is equal (letters and digits only, lower case; and once more with every number masked,
because augmented corpora often differ from a benchmark in the numbers alone), or most of the word 5-grams are shared.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAM = 5
_QUESTION_FIELDS = ("question", "m_query", "query", "input", "premise")


class LeakageError(ValueError):
    """Training data overlap with a benchmark."""


@dataclass(frozen=True)
class Overlap:
    """One training row that repeats a benchmark question."""

    row: int
    question: str
    benchmark_question: str
    kind: str


def normalise(text: str, mask_numbers: bool = False) -> str:
    """Letters and digits of the text in lower case, numbers as ``#`` if masked."""
    text = text.lower()
    if mask_numbers:
        text = re.sub(r"\d[\d.,]*", "#", text)
    return "".join(char for char in text if char.isalnum() or char == "#")


def _grams(text: str, mask_numbers: bool) -> set[tuple[str, ...]]:
    text = text.lower()
    words = re.findall(r"\w+", re.sub(r"\d[\d.,]*", " num ", text) if mask_numbers else text)
    return {tuple(words[i : i + GRAM]) for i in range(len(words) - GRAM + 1)}


def benchmark_questions(path: str | Path) -> list[str]:
    """Questions of a file: JSON array or object with one, JSON lines, TSV (first column) or text (a line each)."""
    file = Path(path)
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".tsv":
        return [row[0] for row in csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE) if row]
    rows: list[dict[str, Any]]
    if text.lstrip().startswith(("[", "{")):
        try:
            whole = json.loads(text)
            lists = [whole] if isinstance(whole, list) else [v for v in whole.values() if isinstance(v, list)]
            rows = [row for part in lists for row in part if isinstance(row, dict)] or [whole]
        except json.JSONDecodeError:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        return [line for line in text.splitlines() if line.strip()]
    questions = [next((row[f] for f in _QUESTION_FIELDS if isinstance(row.get(f), str)), None) for row in rows]
    if not any(questions):
        raise ValueError(f"{path}: no field named {', '.join(_QUESTION_FIELDS)} in its rows")
    return [question for question in questions if question]


def find_overlaps(
    questions: Iterable[str], benchmark: Iterable[str], similarity: float = 0.8, masked: bool = True
) -> list[Overlap]:
    """Training questions that repeat a benchmark question.

    Args:
        questions: training questions.
        benchmark: benchmark questions.
        similarity: share of a training question's word 5-grams found in one benchmark question.
        masked: numbers that differ do not matter.
    """
    exact: dict[str, str] = {}
    by_gram: dict[tuple[str, ...], list[int]] = defaultdict(list)
    listed = list(benchmark)
    for number, question in enumerate(listed):
        exact.setdefault(normalise(question), question)
        if masked:
            exact.setdefault(normalise(question, True), question)
        for gram in _grams(question, masked):
            by_gram[gram].append(number)
    found: list[Overlap] = []
    for row, question in enumerate(questions):
        match = exact.get(normalise(question)) or (exact.get(normalise(question, True)) if masked else None)
        if match is not None:
            found.append(Overlap(row, question, match, "same text"))
            continue
        grams = _grams(question, masked)
        counts: dict[int, int] = defaultdict(int)
        for gram in grams:
            for number in by_gram.get(gram, ()):
                counts[number] += 1
        if counts:
            number, shared = max(counts.items(), key=lambda item: item[1])
            if shared >= similarity * len(grams):
                found.append(Overlap(row, question, listed[number], f"{shared} of {len(grams)} word 5-grams"))
    return found
