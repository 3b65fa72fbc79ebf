"""Lexicon files, induction by CSLS, word lists, unsupervised alignment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_encoder

from lingualift_training.lexicon import Entry, Lexicon, csls_matches, induce, normalise_rows, read_lexicon, report
from lingualift_training.lexicon.encoder_vectors import word_vectors
from lingualift_training.lexicon.entries import write_lexicon
from lingualift_training.lexicon.vectors import align_unsupervised, procrustes, read_vectors
from lingualift_training.lexicon.words import (
    english_words,
    frequency_list,
    text_file_list,
    vocabulary_list,
    words_of,
)
from lingualift_training.model.encoder_text import EncoderText
from lingualift_training.model.loading import load_encoder, load_tokenizer


def test_muse_and_tab_files(tmp_path: Path) -> None:
    path = tmp_path / "en-es.txt"
    path.write_text("# comment\ncat gato\nCat minino\ndog\tperro\t0.8\nice cream\thelado\n\n", encoding="utf-8")
    lexicon = read_lexicon(path, "es")
    assert lexicon.translations("CAT") == ["gato", "minino"]
    assert lexicon.entries["dog"] == [Entry("dog", "perro", 0.8)]
    assert lexicon.translations("ice cream") == ["helado"]
    assert read_lexicon(path, "es", max_translations=1).translations("cat") == ["gato"]
    write_lexicon(lexicon, tmp_path / "again.tsv")
    assert read_lexicon(tmp_path / "again.tsv", "es").translations("cat") == ["gato", "minino"]
    path.write_text("gato cat\n", encoding="utf-8")
    assert read_lexicon(path, "es", reverse=True).translations("cat") == ["gato"]


@pytest.mark.parametrize(("line", "message"), [("lonely", "two columns"), ("a\tb\tc", "must be a score")])
def test_bad_lines_name_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(f"cat gato\n{line}\n")
    with pytest.raises(ValueError, match=rf"bad\.txt:2: .*{message}"):
        read_lexicon(path, "es")


def test_report() -> None:
    lexicon = Lexicon.from_entries("es", [Entry("cat", "gato"), Entry("dog", "pero"), Entry("sun", "sol")])
    reference = Lexicon.from_entries("es", [Entry("cat", "gato"), Entry("dog", "perro")])
    found = report(lexicon, ["cat", "dog", "sun", "moon"], reference)
    assert (found.words, found.coverage, found.judged, found.precision) == (4, 0.75, 2, 0.5)
    assert report(lexicon, ["moon"]).precision is None


def brute_force_csls(a: np.ndarray, b: np.ndarray, k: int) -> np.ndarray:
    similarity = a @ b.T
    ra = np.sort(similarity, 1)[:, -k:].mean(1)
    rb = np.sort(similarity, 0)[-k:].mean(0)
    return 2 * similarity - ra[:, None] - rb[None]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blockwise_csls_equals_the_definition(block: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (normalise_rows(rng.standard_normal((n, 8)).astype(np.float32)) for n in (30, 41))
    matches = csls_matches(a, b, neighbours=5, block=block)
    full = brute_force_csls(a, b, 5)
    assert matches.forward.tolist() == full.argmax(1).tolist()
    assert matches.backward.tolist() == full.argmax(0).tolist()
    np.testing.assert_allclose(matches.score, full.max(1), rtol=1e-5)
    assert matches.mutual.tolist() == [full[:, full[i].argmax()].argmax() == i for i in range(30)]
    with pytest.raises(ValueError, match="0 source words"):
        csls_matches(a[:0], b)


def test_induction_finds_shifted_copies_and_only_mutual_ones() -> None:
    rng = np.random.default_rng(1)
    english = rng.standard_normal((60, 24)).astype(np.float32)
    order = rng.permutation(60)
    other = english[order] + 0.1 * rng.standard_normal((60, 24)).astype(np.float32) + 3.0
    words = [f"e{i}" for i in range(60)]
    targets = [f"t{i}" for i in order]
    lexicon = induce("xx", words, english, targets, other)
    assert len(lexicon) == 60
    assert all(entry.target == "t" + entry.source[1:] for entry in lexicon)
    half = induce("xx", words, english, targets[:30], other[:30])
    assert 0 < len(half) <= 30
    assert len(induce("xx", words, english, targets[:30], other[:30], mutual_only=False)) == 60


def test_unsupervised_alignment_recovers_a_rotation() -> None:
    rng = np.random.default_rng(2)
    clusters = rng.standard_normal((12, 16)) * 2
    english = (clusters[rng.integers(0, 12, 400)] + rng.standard_normal((400, 16))).astype(np.float32)
    rotation = np.linalg.qr(rng.standard_normal((16, 16)))[0].astype(np.float32)
    other = english @ rotation + 0.02 * rng.standard_normal((400, 16)).astype(np.float32)
    shuffled = rng.permutation(400)
    source, target = align_unsupervised(english, other[shuffled])
    matches = csls_matches(source, target)
    assert (shuffled[matches.forward] == np.arange(400)).mean() > 0.95


def test_procrustes_is_orthogonal_and_exact_for_rotations() -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((50, 6)).astype(np.float32)
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0].astype(np.float32)
    found = procrustes(a, a @ rotation)
    np.testing.assert_allclose(found, rotation, atol=1e-4)
    np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-5)


def test_vector_files(tmp_path: Path) -> None:
    path = tmp_path / "v.vec"
    path.write_text("3 2\ncat 1 0\ndog 0 1\nsun 1 1\n")
    words, matrix = read_vectors(path, limit=2)
    assert words == ["cat", "dog"] and matrix.tolist() == [[1, 0], [0, 1]]
    path.write_text("cat 1 0\ndog 0\n")
    with pytest.raises(ValueError, match=r"v\.vec:2: expected 2 components, got 1"):
        read_vectors(path)
    path.write_text("cat 1 zero\n")
    with pytest.raises(ValueError, match=r"v\.vec:1: a vector component is no number"):
        read_vectors(path)
    with pytest.raises(ValueError, match="must be equal"):
        align_unsupervised(np.ones((3, 2), np.float32), np.ones((3, 4), np.float32))


def test_word_lists(tmp_path: Path) -> None:
    assert words_of("L'élève a 3 সংখ্যা—don't!") == ["l'élève", "a", "সংখ্যা", "don't"]
    assert english_words(["The cat, the dog. The X"], 5, exclude=["dog"]) == ["the", "cat"]
    path = tmp_path / "t.txt"
    path.write_text("mbuzi kuku mbuzi\n", encoding="utf-8")
    assert text_file_list([path], 1) == ["mbuzi"]
    assert vocabulary_list(["▁ราคา", "แดง", "▁red", "ก", "▁ก1"], "th") == ["ราคา", "แดง"]
    with pytest.raises(LookupError, match="script of 'sw'"):
        vocabulary_list([], "sw")


def test_frequency_list_drops_english_words() -> None:
    pytest.importorskip("wordfreq")
    words = frequency_list("de", 300)
    assert len(words) == 300
    assert {"und", "nicht", "jahr"} <= set(words)
    assert not {"the", "and"} & set(words)
    with pytest.raises(LookupError, match="no word list for 'sw'"):
        frequency_list("sw", 10)


def test_word_vectors_average_the_words_own_tokens(tmp_path: Path) -> None:
    folder = make_encoder(tmp_path / "encoder")
    encoder, tokenizer = load_encoder(folder), load_tokenizer(folder)
    text = EncoderText("query: ", "keep", False)
    words = ["apples", "toys", "many"]
    vectors = word_vectors(encoder, tokenizer, words, text, batch_tokens=20)
    for word, vector in zip(words, vectors, strict=True):
        encoded = tokenizer("query: " + word, return_tensors="pt", return_offsets_mapping=True)
        offsets = encoded.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            states = encoder(encoded["input_ids"], encoded["attention_mask"]).last_hidden_state[0]
        own = [i for i, (_, end) in enumerate(offsets) if end > len("query: ")]
        assert own
        np.testing.assert_allclose(vector, states[own].mean(0).numpy(), rtol=1e-4, atol=1e-5)
