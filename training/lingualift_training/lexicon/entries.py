"""Bilingual lexicons, English to another language, and their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One translation of an English word. ``score`` is the similarity that chose it; 1.0 for a human dictionary."""

    source: str
    target: str
    score: float = 1.0


@dataclass
class Lexicon:
    """Translations of English words into one language. English words are stored in lower case."""

    language: str
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    @classmethod
    def from_entries(cls, language: str, entries: Iterable[Entry]) -> Lexicon:
        """Groups entries by English word, best score first; the order of equal scores is kept."""
        lexicon = cls(language)
        for entry in entries:
            lexicon.entries.setdefault(entry.source.lower(), []).append(entry)
        for group in lexicon.entries.values():
            group.sort(key=lambda entry: -entry.score)
        return lexicon

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        for group in self.entries.values():
            yield from group

    def translations(self, word: str) -> list[str]:
        """Target words for an English word in any case, best first; empty when unknown."""
        return [entry.target for entry in self.entries.get(word.lower(), [])]


def read_lexicon(path: str | Path, language: str, reverse: bool = False, max_translations: int = 0) -> Lexicon:
    """Reads a dictionary file: MUSE format or two columns.

    One pair per line: ``english target`` separated by a tab, or by spaces when the line holds no tab; an optional third
    column, tab-separated, is the score. Lines that start with ``#`` and empty lines are skipped.

    Args:
        path: UTF-8 text file.
        language: code of the target language.
        reverse: the file lists the target word first.
        max_translations: keep the first n translations of a word; 0 keeps all.

    Raises:
        ValueError: a line has no second column or a score that is no number; names file and line.
    """
    entries: list[Entry] = []
    counts: dict[str, int] = {}
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split(maxsplit=1))]
            if len(columns) < 2 or not columns[0] or not columns[1]:
                raise ValueError(f"{path}:{number}: expected two columns (english, {language}), got {line!r}")
            source, target = (columns[1], columns[0]) if reverse else (columns[0], columns[1])
            try:
                score = float(columns[2]) if len(columns) > 2 else 1.0
            except ValueError:
                raise ValueError(f"{path}:{number}: the third column must be a score, got {columns[2]!r}") from None
            counts[source.lower()] = counts.get(source.lower(), 0) + 1
            if not max_translations or counts[source.lower()] <= max_translations:
                entries.append(Entry(source, target, score))
    return Lexicon.from_entries(language, entries)


def write_lexicon(lexicon: Lexicon, path: str | Path) -> None:
    """Writes ``english<TAB>target<TAB>score`` lines; :func:`read_lexicon` reads them back."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{entry.source}\t{entry.target}\t{entry.score:.4f}\n" for entry in lexicon)
    target.write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Report:
    """Quality of a lexicon against a word list and, when given, a reference dictionary.

    Attributes:
        coverage: share of the asked English words that have an entry.
        judged: entries whose English word the reference knows.
        precision: share of the judged words whose best translation the reference lists (P@1); None if none judged.
    """

    words: int
    coverage: float
    judged: int
    precision: float | None


def report(lexicon: Lexicon, words: Iterable[str], reference: Lexicon | None = None) -> Report:
    """Coverage over ``words`` and precision at 1 against ``reference``."""
    asked = {word.lower() for word in words}
    covered = [word for word in asked if word in lexicon.entries]
    judged = [word for word in covered if reference is not None and word in reference.entries]
    hits = sum(lexicon.translations(word)[0] in reference.translations(word) for word in judged) if reference else 0
    return Report(
        words=len(asked),
        coverage=len(covered) / len(asked) if asked else 0.0,
        judged=len(judged),
        precision=hits / len(judged) if judged else None,
    )
