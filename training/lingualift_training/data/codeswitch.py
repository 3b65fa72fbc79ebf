# ruff: noqa: SIM905
"""Code-switching: English sentences with some words replaced by their translations (Stage I of LinguaLIFT).

Word order, numbers, names and punctuation stay English. Each word is drawn on its own (by token, not by type), so a
word may be replaced once and kept once in the same sentence; translations are used as the lexicon lists them, without
inflection.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..lexicon.entries import Lexicon

PIECES = re.compile(r"\d|[A-Za-z]+(?:['’][A-Za-z]+)?|[^\sA-Za-z\d]")

ARTICLES = frozenset({"a", "an", "the"})

FUNCTION_WORDS = ARTICLES | frozenset(
    "about after again all also am among and any are as at be because been before being between both but by can "
    "could did do does doing down during each either every few for from had has have having he her here hers "
    "herself him himself his how i if in into is it its itself just less many may me might more most much must my "
    "neither no nor not now of off on once one only or other our ours out over own per same shall she should so "
    "some still such than that their them then there these they this those through to too under until up upon us "
    "very was we were what when where which while who whom whose why will with within without would you your "
    "yours".split()
)

# Languages written without spaces between words.
UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "zh"})


@dataclass(frozen=True)
class Span:
    """A word, digit or sign of the switched text and where it came from.

    ``start:end`` counts characters of the switched text, ``source_start:source_end`` of the English one. An omitted
    word has an empty span. ``language`` is None for what was kept.
    """

    start: int
    end: int
    source_start: int
    source_end: int
    language: str | None = None


@dataclass(frozen=True)
class Switched:
    """One draw: the English sentence, the mixed one, and the spans that align them."""

    source: str
    text: str
    spans: tuple[Span, ...]

    @property
    def replaced(self) -> int:
        """Number of words that were replaced."""
        return sum(span.language is not None and span.end > span.start for span in self.spans)

    @property
    def language(self) -> str:
        """The first language that was mixed in; ``en`` when none was."""
        return next((span.language for span in self.spans if span.language), "en")

    @property
    def share(self) -> float:
        """Replaced words as a share of all words (signs and digits not counted)."""
        words = sum(self.source[span.source_start].isalpha() for span in self.spans)
        return self.replaced / words if words else 0.0


@dataclass(frozen=True)
class SwitchOptions:
    """How sentences are mixed.

    Attributes:
        ratio: probability that a word with a translation is replaced; a pair draws it uniformly for each sentence.
        languages_per_sentence: ``one`` draws a language for the sentence, ``mixed`` one for every word.
        keep: words never replaced: ``function`` (as in the paper's figure), ``articles`` or ``none``.
        omit_articles: replaced by nothing with the sentence's ratio (most of the 48 languages have no articles).
        english_share: share of sentences left wholly English.
        max_translations: draw among the n best translations of a word.
        join_unspaced: write neighbouring replaced words of languages such as Thai or Chinese without a space.
    """

    ratio: float | tuple[float, float] = 0.4
    languages_per_sentence: Literal["one", "mixed"] = "one"
    keep: Literal["function", "articles", "none"] = "function"
    omit_articles: bool = False
    english_share: float = 0.0
    max_translations: int = 1
    join_unspaced: bool = True

    def __post_init__(self) -> None:
        low, high = self.ratio_range
        if not 0 <= low <= high <= 1:
            raise ValueError(f"ratio must lie between 0 and 1, got {self.ratio}")
        if not 0 <= self.english_share <= 1:
            raise ValueError(f"english_share must lie between 0 and 1, got {self.english_share}")

    @property
    def ratio_range(self) -> tuple[float, float]:
        """Lowest and highest ratio of a sentence."""
        return (self.ratio, self.ratio) if isinstance(self.ratio, int | float) else tuple(self.ratio)  # type: ignore[return-value]


class CodeSwitcher:
    """Replaces words of English sentences by the entries of one or more lexicons."""

    def __init__(
        self, lexicons: Mapping[str, Lexicon], options: SwitchOptions | None = None, names: Iterable[str] = ()
    ) -> None:
        """``names``: words never replaced, besides capitalised words inside a sentence."""
        if not lexicons:
            raise ValueError("code-switching needs at least one lexicon")
        self.options = options or SwitchOptions()
        self.languages = sorted(lexicons)
        self._lexicons = lexicons
        self._names = {name.lower() for name in names}
        self._kept = {"function": FUNCTION_WORDS, "articles": ARTICLES, "none": frozenset[str]()}[self.options.keep]

    def _is_name(self, word: str, sentence: str, start: int) -> bool:
        if word.lower() in self._names:
            return True
        before = sentence[:start].rstrip(" \"'“‘(")
        return word[0].isupper() and word != "I" and bool(before) and before[-1] not in ".?!:\n"

    def _translate(self, word: str, language: str, rng: random.Random) -> str | None:
        choices = self._lexicons[language].translations(word)[: self.options.max_translations]
        return rng.choice(choices) if choices else None

    def switch(self, sentence: str, seed: str | int, language: str | None = None) -> Switched:
        """One draw. The same sentence, seed and options give the same draw on every machine.

        Args:
            sentence: English text.
            seed: anything printable.
            language: the language to embed; drawn from the lexicons when absent.
        """
        rng = random.Random(f"code-switch {seed}")
        options = self.options
        english = language is None and rng.random() < options.english_share
        chosen = language or rng.choice(self.languages)
        ratio = 0.0 if english else rng.uniform(*options.ratio_range)
        text = ""
        spans: list[Span] = []
        end = 0
        previous: str | None = None
        for match in PIECES.finditer(sentence):
            word, start = match.group(), match.start()
            gap = sentence[end : match.start()]
            end = match.end()
            replacement: str | None = None
            this = chosen
            if word[0].isalpha():
                drawn = rng.random() < ratio
                if options.languages_per_sentence == "mixed" and language is None:
                    this = rng.choice(self.languages)
                if drawn and word.lower() in ARTICLES and options.omit_articles:
                    replacement = ""
                elif drawn and word.lower() not in self._kept and not self._is_name(word, sentence, start):
                    replacement = self._translate(word, this, rng)
            if replacement == "":
                spans.append(Span(len(text), len(text), start, end, this))
                continue
            if gap == " " and options.join_unspaced and replacement and previous == this and this in UNSPACED:
                gap = ""
            if text or not gap.isspace():
                text += gap
            written = word if replacement is None else replacement
            spans.append(Span(len(text), len(text) + len(written), start, end, None if replacement is None else this))
            text += written
            previous = None if replacement is None else this
        return Switched(sentence, text + sentence[end:], tuple(spans))

    def stream(self, sentences: Iterable[str], draws: int = 1, seed: int = 0) -> Iterator[Switched]:
        """Every sentence ``draws`` times, in the order given, without holding the corpus in memory."""
        for index, sentence in enumerate(sentences):
            for draw in range(draws):
                yield self.switch(sentence, f"{seed} {index} {draw}")


def coverage(lexicons: Mapping[str, Lexicon], sentences: Sequence[str]) -> dict[str, float]:
    """Per language, the share of running content words (function words left out) that have a translation."""
    words = [
        word.lower()
        for sentence in sentences
        for word in PIECES.findall(sentence)
        if word[0].isalpha() and word.lower() not in FUNCTION_WORDS
    ]
    return {
        language: sum(word in lexicon.entries for word in words) / len(words) if words else 0.0
        for language, lexicon in lexicons.items()
    }
