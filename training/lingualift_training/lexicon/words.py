"""Word lists to induce a lexicon over: frequency lists, the encoder's own vocabulary, or the user's text files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)*")
LATIN_WORD = re.compile(r"[a-z']+")

# wordfreq's name of a list, where it differs from the language code used here.
WORDFREQ_NAMES = {"hr": "sh", "sr": "sh"}

# Scripts by which a vocabulary piece tells its language: (first, last) code point.
SCRIPT_RANGES: dict[str, tuple[int, int]] = {
    "am": (0x1200, 0x137F),
    "gu": (0x0A80, 0x0AFF),
    "hy": (0x0530, 0x058F),
    "ka": (0x10A0, 0x10FF),
    "km": (0x1780, 0x17FF),
    "kn": (0x0C80, 0x0CFF),
    "lo": (0x0E80, 0x0EFF),
    "ml": (0x0D00, 0x0D7F),
    "my": (0x1000, 0x109F),
    "or": (0x0B00, 0x0B7F),
    "pa": (0x0A00, 0x0A7F),
    "si": (0x0D80, 0x0DFF),
    "ta": (0x0B80, 0x0BFF),
    "te": (0x0C00, 0x0C7F),
    "th": (0x0E00, 0x0E7F),
}


def words_of(text: str) -> list[str]:
    """Lower-cased words of a text in any script, in order; combining marks stay with their word."""
    text = unicodedata.normalize("NFC", text)
    words: list[str] = []
    current = ""
    for char in text + " ":
        letter = char.isalpha() or (current and (unicodedata.category(char)[0] == "M" or char in "'’ʼ\u200c\u200d"))
        if letter:
            current += char
        elif current:
            words.append(current.strip("'’ʼ\u200c\u200d").lower())
            current = ""
    return [word for word in words if word]


def english_words(texts: Iterable[str], count: int, exclude: Iterable[str] = ()) -> list[str]:
    """The most frequent words of English texts (two letters or more), most frequent first."""
    excluded = {word.lower() for word in exclude}
    counts = Counter(word for text in texts for word in LATIN_WORD.findall(text.lower()))
    return [word for word, _ in counts.most_common() if len(word) > 1 and word not in excluded][:count]


def frequency_list(language: str, count: int) -> list[str]:
    """Frequent words of a language from the ``wordfreq`` library, English loan words removed.

    A word that is at least half as frequent in English as in the language itself is dropped: left in, such words are
    the nearest neighbours of their own English form and take the place of the translation.

    Raises:
        LookupError: wordfreq has no list of the language.
    """
    import wordfreq

    name = WORDFREQ_NAMES.get(language, language)
    if name not in wordfreq.available_languages("best"):
        raise LookupError(f"wordfreq has no word list for {language!r}; give text files in that language instead")
    english = wordfreq.get_frequency_dict("en")
    words: list[str] = []
    # The dictionary is in order of frequency. It is read directly: wordfreq's look-up would want a Chinese, Japanese or
    # Korean word breaker.
    for word, frequency in wordfreq.get_frequency_dict(name).items():
        if len(words) == count:
            break
        if any(char.isdigit() for char in word):
            continue
        if LATIN_WORD.fullmatch(word) and english.get(word, 0.0) >= frequency / 2:
            continue
        words.append(word)
    return words


def vocabulary_list(vocabulary: Iterable[str], language: str) -> list[str]:
    """Whole pieces of a sentence-piece vocabulary written in the script of ``language``, sorted.

    Only for languages whose script no other language of the table shares; needs no text at all.

    Raises:
        LookupError: the language's script does not tell the language.
    """
    if language not in SCRIPT_RANGES:
        raise LookupError(f"the script of {language!r} does not tell the language; give a word list or text files")
    first, last = SCRIPT_RANGES[language]
    pieces = {piece.lstrip("\u2581") for piece in vocabulary}
    return sorted(piece for piece in pieces if len(piece) > 1 and all(first <= ord(char) <= last for char in piece))


def text_file_list(paths: Sequence[str | Path], count: int) -> list[str]:
    """The most frequent words of UTF-8 text files, most frequent first."""
    counts: Counter[str] = Counter()
    for path in paths:
        with Path(path).open(encoding="utf-8") as lines:
            for line in lines:
                counts.update(words_of(line))
    return [word for word, _ in counts.most_common(count)]
