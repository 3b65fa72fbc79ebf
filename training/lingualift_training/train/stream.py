"""Corpora that do not fit into memory: read row by row, tokenised once into a file, trained on from there.

The rows stay addressable, so that shuffling, length buckets, resuming and several processes work as they do in memory.
"""

from __future__ import annotations

import itertools
import random
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from ..data.codeswitch import Switched
from ..data.examples import Example, read_examples, sentences
from ..data.leakage import LeakageError, benchmark_questions, find_overlaps
from .rows import EncoderStates, RowBuilder, Rows
from .settings import DataSource, Settings, SettingsError

PARTS = ("encoder_ids", "input_ids", "target_ids")
BLOCK = 10_000
"""Rows compared with the benchmarks at once."""
MOST_HELD_OUT = 2_000
"""Held-out rows are kept in memory."""


def read_source(source: DataSource) -> Iterator[Example]:
    """Rows of one corpus in order, after its own settings. A JSON array is read whole; JSON lines and text are not."""
    rows: Iterator[Example] = (
        row
        for example in read_examples(source.path, source.format, source.short)
        for row in ([Example(s, s) for s in sentences(example.question)] if source.sentences else [example])
        if not source.longest or len(row.question) <= source.longest
    )
    return itertools.islice(rows, source.limit) if source.limit else rows


def stream_examples(settings: Settings) -> Iterator[Example]:
    """All corpora of a run in order, checked against the benchmarks block by block.

    Raises:
        LeakageError: rows repeat benchmark questions and ``leakage.on_overlap`` is ``refuse``.
    """
    rows = itertools.chain.from_iterable(map(read_source, settings.data))
    first = 1
    while block := list(itertools.islice(rows, BLOCK)):
        dropped: set[int] = set()
        for path in settings.leakage.benchmarks:
            questions = [row.question for row in block]
            found = find_overlaps(questions, benchmark_questions(path), settings.leakage.similarity)
            if found and settings.leakage.on_overlap == "refuse":
                raise LeakageError(
                    f"training rows repeat questions of {path}, first row {first + found[0].row} ({found[0].kind}): "
                    f"{found[0].question!r}. Remove them, or set leakage.on_overlap to 'drop'"
                )
            dropped |= {overlap.row for overlap in found}
        yield from (row for number, row in enumerate(block) if number not in dropped)
        first += len(block)


class StoredRows(Dataset[dict[str, Any]]):
    """Tokenised rows in one file of int32, memory-mapped; 32 bytes of memory a row.

    Args:
        folder: where :meth:`write` has put them.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self._ends = np.load(folder / "ends.npy")
        self._sizes = np.load(folder / "sizes.npy")
        total = int(self._ends[-1]) if len(self._ends) else 0
        self._ids = np.memmap(folder / "rows.i32", np.int32, "r", shape=(total,)) if total else np.zeros(0, np.int32)
        self.states: EncoderStates | None = None

    @staticmethod
    def write(folder: str | Path, rows: Iterable[dict[str, Any]]) -> StoredRows:
        """Writes rows as they come; what was there is replaced."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        ends, sizes, end = array("q"), array("i"), 0
        with (folder / "rows.i32").open("wb") as out:
            for row in rows:
                for part in PARTS:
                    out.write(np.asarray(row[part], np.int32).tobytes())
                    sizes.append(len(row[part]))
                    end += len(row[part])
                ends.append(end)
        np.save(folder / "ends.npy", np.asarray(ends, np.int64))
        np.save(folder / "sizes.npy", np.asarray(sizes, np.int32).reshape(-1, len(PARTS)))
        return StoredRows(folder)

    def __len__(self) -> int:
        return len(self._ends)

    def lengths(self) -> list[int]:
        """Tokens of each row, without reading the rows."""
        return [int(n) for n in self._sizes.sum(1)]

    def __getitem__(self, index: int) -> dict[str, Any]:
        at = int(self._ends[index - 1]) if index else 0
        row: dict[str, Any] = {}
        for part, size in zip(PARTS, self._sizes[index], strict=True):
            row[part] = self._ids[at : at + int(size)].tolist()
            at += int(size)
        return row if self.states is None else {**row, "encoder_states": self.states[index]}


def stored_rows(settings: Settings, builder: RowBuilder, folder: str | Path) -> tuple[StoredRows, Rows | None]:
    """Training rows on disk and held-out rows in memory, as :func:`.setup.stage_rows` makes them in memory.

    An example is held out by a draw of its own, so that the corpus need not be counted first; at most
    ``MOST_HELD_OUT`` are. All draws of a sentence are on the same side.

    Raises:
        SettingsError: there are no rows, or none is short enough.
    """
    from .setup import load_switcher

    limit, draws, seed = settings.optim.max_target_tokens, settings.code_switch.draws, settings.seed
    switcher = load_switcher(settings) if settings.stage == "stage1" else None
    held: list[tuple[Example, Switched | None]] = []

    def train() -> Iterator[dict[str, Any]]:
        examples = (e for e in stream_examples(settings) if len(e.answer) <= 12 * limit)
        for index, example in enumerate(examples):
            mixed: list[Switched | None] = [None]
            if switcher is not None:
                mixed = [switcher.switch(example.question, f"{seed} {index} {draw}") for draw in range(draws)]
            drawn = random.Random(f"held out {seed} {index}").random() < settings.optim.held_out
            for one in mixed:
                row = builder.build(example, one.text if one is not None else None)
                if len(row["target_ids"]) > limit:
                    continue
                if drawn and len(held) < MOST_HELD_OUT:
                    held.append((example, one))
                else:
                    yield row

    rows = StoredRows.write(folder, train())
    if len(rows) == 0:
        raise SettingsError(
            "no row is left to train on: the corpora under 'data' are empty, or no row has a target of at most "
            f"{limit} tokens (optim.max_target_tokens)"
        )
    if not held:
        return rows, None
    switched = [one for _, one in held if one is not None]
    kept = Rows([e for e, _ in held], builder, [one.text for one in switched] if switcher is not None else None)
    kept.languages = [one.language for one in switched]
    return rows, kept
