"""Training rows and the files they come from: LLaMA-Factory alpaca JSON, GSM8K, MetaMath, plain text, our generator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .wordproblems import generate

CorpusFormat = Literal["alpaca", "gsm8k", "metamath", "text", "generator"]


@dataclass(frozen=True)
class Example:
    """One training row: the text that the encoder reads (and, when merged as text, the LLM), and the target."""

    question: str
    answer: str


def short_answer(answer: str) -> str:
    """A GSM8K answer as calculations only: ``48 / 2 = 24, 48 + 24 = 72. The answer is 72.``

    GSM8K marks each calculation ``<<48/2=24>>`` and the result ``#### 72``. An answer without a calculation keeps only
    its last sentence.
    """
    steps = re.findall(r"<<([^<>=]+)=([^<>=]+)>>", answer)
    final = answer.rsplit("####", 1)[-1].strip().replace(",", "")
    written = []
    for left, right in steps:
        left = re.sub(r"\s*([-+*/])\s*", r" \1 ", left.strip()).strip()
        written.append(f"{left} = {right.strip()}")
    return f"{', '.join(written)}. The answer is {final}." if written else f"The answer is {final}."


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a JSON array or of JSON lines, with their number; the array form is read whole."""
    with path.open(encoding="utf-8") as lines:
        start = lines.read(1)
        lines.seek(0)
        if start == "[":
            try:
                rows = json.load(lines)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
            yield from enumerate(rows, 1)
            return
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{number}: not valid JSON: {error.msg}") from error
            yield number, row


def _field(row: Any, names: tuple[str, ...], path: Path, number: int) -> str:
    if isinstance(row, dict):
        for name in names:
            if isinstance(row.get(name), str):
                return str(row[name])
    raise ValueError(f"{path}:{number}: row has no text field {' or '.join(repr(name) for name in names)}")


def read_examples(path: str | Path, form: CorpusFormat, short: bool = False) -> Iterator[Example]:
    """Question and answer pairs of one file, in order.

    Args:
        path: the file; for ``generator`` a string ``COUNT``, ``COUNT:SEED`` or ``COUNT:SEED:rich``.
        form: ``alpaca`` (instruction, input, output; question = instruction + newline + input), ``gsm8k`` (question,
            answer), ``metamath`` (query or input, response or output), ``text`` (a line is question and answer at
            once: the English side of Stage I), ``generator`` (our word problems).
        short: reduce GSM8K answers to their calculations.

    Raises:
        ValueError: a row cannot be read; the message starts with file and line.
    """
    if form == "generator":
        count, seed, kind = (*str(path).split(":"), "", "")[:3]
        if kind not in ("", "rich"):
            raise ValueError(f"the generator takes COUNT, COUNT:SEED or COUNT:SEED:rich, not {str(path)!r}")
        rich = kind == "rich"
        for problem in generate(int(count), int(seed or 0), plain_case=0.2 if rich else 0.1, rich=rich):
            yield Example(problem.question, problem.completion)
        return
    file = Path(path)
    if form == "text":
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield Example(line.strip(), line.strip())
        return
    for number, row in _json_rows(file):
        if form == "alpaca":
            instruction = _field(row, ("instruction",), file, number)
            extra = row.get("input") or ""
            question = f"{instruction}\n{extra}" if instruction and extra else instruction or extra
            yield Example(question, _field(row, ("output",), file, number))
        elif form == "gsm8k":
            answer = _field(row, ("answer",), file, number)
            yield Example(_field(row, ("question",), file, number).strip(), short_answer(answer) if short else answer)
        else:
            yield Example(
                _field(row, ("query", "input"), file, number), _field(row, ("response", "output"), file, number)
            )


def write_alpaca(path: str | Path, rows: Iterable[tuple[str, str, str]]) -> int:
    """Writes (instruction, input, output) rows as a LLaMA-Factory JSON array, row by row; returns their number."""
    count = 0
    with Path(path).open("w", encoding="utf-8") as out:
        out.write("[")
        for instruction, extra, output in rows:
            record = {"instruction": instruction, "input": extra, "output": output}
            out.write(("," if count else "") + "\n" + json.dumps(record, ensure_ascii=False))
            count += 1
        out.write("\n]\n")
    return count


def sentences(text: str, longest: int = 160) -> list[str]:
    """Splits a question at sentence ends and joins short neighbours, no piece longer than ``longest`` if it can be."""
    pieces: list[str] = []
    for sentence in re.split(r"(?<=[.?!])\s+", text.strip()):
        if pieces and len(pieces[-1]) < 60 and len(pieces[-1]) + len(sentence) < longest:
            pieces[-1] += " " + sentence
        elif sentence:
            pieces.append(sentence)
    return pieces
