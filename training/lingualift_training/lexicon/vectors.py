"""Word vectors from fastText ``.vec`` files and their alignment without a dictionary.

The alignment is the refinement loop of MUSE: from a first guess, take mutual CSLS neighbours as a dictionary, solve the
orthogonal Procrustes problem, repeat. The first guess compares how each word's similarities to the words of its own
language are distributed, which an isometry leaves unchanged.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .induce import Matrix, csls_matches, normalise_rows


def read_vectors(path: str | Path, limit: int = 20000) -> tuple[list[str], Matrix]:
    """Reads the first ``limit`` words of a text vector file (``word v1 v2 …`` per line, optional header).

    Raises:
        ValueError: a line has another number of values than the first one; names file and line.
    """
    words: list[str] = []
    rows: list[np.ndarray] = []
    width = 0
    with Path(path).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2:
                continue
            if len(words) == limit:
                break
            try:
                values = np.array(parts[1:], np.float32)
            except ValueError:
                raise ValueError(f"{path}:{number}: a vector component is no number") from None
            width = width or len(values)
            if len(values) != width:
                raise ValueError(f"{path}:{number}: expected {width} components, got {len(values)}")
            words.append(parts[0])
            rows.append(values)
    if not words:
        raise ValueError(f"{path}: no vectors")
    return words, np.stack(rows)


def procrustes(source: Matrix, target: Matrix) -> Matrix:
    """The orthogonal ``W`` that minimises ``‖source W − target‖``, for paired rows."""
    left, _, right = np.linalg.svd(source.T @ target)
    return (left @ right).astype(np.float32)


def _similarity_profile(vectors: Matrix, size: int) -> Matrix:
    """Sorted square roots of each word's similarities to the first ``size`` words, as unit rows."""
    similarity = np.sort(np.clip(vectors[:size] @ vectors[:size].T, 0, None) ** 0.5, axis=1)
    return normalise_rows(similarity.astype(np.float32))


def align_unsupervised(
    source: Matrix, target: Matrix, seed_words: int = 4000, rounds: int = 10
) -> tuple[Matrix, Matrix]:
    """Maps two monolingual spaces onto each other without a dictionary.

    Args:
        source: ``[n, d]``, most frequent words first.
        target: ``[m, d]``, likewise.
        seed_words: frequent words of each side used for the first guess and the refinement.
        rounds: Procrustes refinements.

    Returns:
        Unit rows of both sides in one space.
    """
    if source.shape[1] != target.shape[1]:
        raise ValueError(f"the vectors have {source.shape[1]} and {target.shape[1]} components; they must be equal")
    a, b = normalise_rows(source), normalise_rows(target)
    size = min(seed_words, len(a), len(b))
    matches = csls_matches(_similarity_profile(a, size), _similarity_profile(b, size))
    mapped = a
    for _ in range(rounds):
        pairs = matches.mutual.nonzero()[0]
        if len(pairs) < 2:
            raise ValueError("the two vector spaces share no structure: no mutual neighbours were found")
        mapped = normalise_rows(a @ procrustes(a[pairs], b[matches.forward[pairs]]), centre=False)
        matches = csls_matches(mapped[:size], b[:size])
    return mapped, b
