"""Lexicon induction by nearest neighbours under CSLS, the retrieval score of MUSE (Conneau et al. 2018).

``CSLS(x, y) = 2 cos(x, y) − r(x) − r(y)`` where ``r`` is the mean cosine of a vector to its k nearest neighbours on the
other side. It lowers the scores of hubs, vectors that are near to everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .entries import Entry, Lexicon

Matrix = NDArray[np.float32]


def normalise_rows(vectors: Matrix, centre: bool = True) -> Matrix:
    """Rows ``[n, d]`` with the mean row removed (if ``centre``) and unit length; a zero row stays zero."""
    values = vectors - vectors.mean(0, keepdims=True) if centre else vectors
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.maximum(norms, 1e-12)).astype(np.float32)


def _mean_of_largest(similarity: Matrix, neighbours: int) -> NDArray[np.float32]:
    k = min(neighbours, similarity.shape[1])
    return np.partition(similarity, similarity.shape[1] - k, axis=1)[:, -k:].mean(1)


@dataclass(frozen=True)
class Matches:
    """Best partners under CSLS: ``forward[i]`` for source i, ``backward[j]`` for target j, ``score[i]`` of forward."""

    forward: NDArray[np.int64]
    backward: NDArray[np.int64]
    score: NDArray[np.float32]

    @property
    def mutual(self) -> NDArray[np.bool_]:
        """Sources whose best target has the source as its own best."""
        return self.backward[self.forward] == np.arange(len(self.forward))


def csls_matches(source: Matrix, target: Matrix, neighbours: int = 10, block: int = 2048) -> Matches:
    """CSLS nearest neighbours in both directions.

    Args:
        source: unit rows ``[n, d]``.
        target: unit rows ``[m, d]``.
        neighbours: k of CSLS; fewer are used when a side has fewer rows.
        block: source rows per matrix product; memory is ``block · m`` floats.
    """
    count, other = len(source), len(target)
    if not count or not other:
        raise ValueError(f"cannot match {count} source words with {other} target words")
    source_mean = np.empty(count, np.float32)
    largest = np.full((min(neighbours, count), other), -np.inf, np.float32)
    for start in range(0, count, block):
        similarity = source[start : start + block] @ target.T
        source_mean[start : start + block] = _mean_of_largest(similarity, neighbours)
        stacked = np.concatenate([largest, similarity])
        largest = np.partition(stacked, len(stacked) - len(largest), axis=0)[-len(largest) :]
    target_mean = largest.mean(0)
    forward = np.empty(count, np.int64)
    score = np.empty(count, np.float32)
    backward = np.zeros(other, np.int64)
    best = np.full(other, -np.inf, np.float32)
    for start in range(0, count, block):
        rows = slice(start, min(start + block, count))
        csls = 2 * (source[rows] @ target.T) - source_mean[rows, None] - target_mean[None]
        forward[rows] = csls.argmax(1)
        score[rows] = csls.max(1)
        row = csls.argmax(0)
        value = csls[row, np.arange(other)]
        better = value > best
        backward[better] = row[better] + start
        best[better] = value[better]
    return Matches(forward, backward, score)


def induce(
    language: str,
    source_words: Sequence[str],
    source_vectors: Matrix,
    target_words: Sequence[str],
    target_vectors: Matrix,
    mutual_only: bool = True,
    centre: bool = True,
    neighbours: int = 10,
) -> Lexicon:
    """Induces a lexicon from two sets of word vectors in one space.

    Each language's vectors are centred by their own mean first (this removes the part of a multilingual encoder's
    vectors that tells the language). With ``mutual_only`` a word without a mutual nearest neighbour gets no entry.
    """
    if len(source_words) != len(source_vectors) or len(target_words) != len(target_vectors):
        raise ValueError("each word needs one vector")
    matches = csls_matches(
        normalise_rows(source_vectors, centre), normalise_rows(target_vectors, centre), neighbours=neighbours
    )
    keep = matches.mutual if mutual_only else np.ones(len(source_words), bool)
    return Lexicon.from_entries(
        language,
        (
            Entry(word, target_words[int(matches.forward[i])], float(matches.score[i]))
            for i, word in enumerate(source_words)
            if keep[i]
        ),
    )
