"""Bilingual lexicons: read from files, or induced without any dictionary."""

from .entries import Entry, Lexicon, Report, read_lexicon, report, write_lexicon
from .induce import csls_matches, induce, normalise_rows

__all__ = [
    "Entry",
    "Lexicon",
    "Report",
    "csls_matches",
    "induce",
    "normalise_rows",
    "read_lexicon",
    "report",
    "write_lexicon",
]
