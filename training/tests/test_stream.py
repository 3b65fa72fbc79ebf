"""Corpora larger than memory: read in blocks, kept on disk, trained on as those in memory."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_train import config, metrics
from tiny import make_encoder, make_lexicon, make_llm

from lingualift_training.data.examples import Example
from lingualift_training.data.leakage import LeakageError
from lingualift_training.train import stream
from lingualift_training.train.settings import SettingsError, load_settings
from lingualift_training.train.setup import assemble, stage_rows
from lingualift_training.train.stages import fingerprint, run_stage
from lingualift_training.train.stream import StoredRows, stored_rows, stream_examples


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    make_encoder(folder / "encoder")
    make_llm(folder / "llm")
    make_lexicon(folder / "es.txt")
    return folder


def questions(folder: Path, count: int) -> Path:
    path = folder / "corpus.jsonl"
    rows = [
        {"query": f"Ann has {i} apples and buys {i + 3} more in shop {i}.", "response": str(i)} for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_corpus_is_read_a_block_at_a_time(parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = questions(tmp_path, 120)
    path = config(parts, tmp_path / "run", data=[{"format": "metamath", "path": str(corpus)}])
    read = 0
    from lingualift_training.data.examples import read_examples

    def counting(*arguments: Any) -> Iterator[Example]:
        nonlocal read
        for example in read_examples(*arguments):
            read += 1
            yield example

    monkeypatch.setattr(stream, "read_examples", counting)
    monkeypatch.setattr(stream, "BLOCK", 30)
    rows = stream_examples(load_settings(path))
    first = next(rows)
    assert first.question.startswith("Ann has 0") and read == 30
    assert [first.answer, *(row.answer for row in rows)] == [str(i) for i in range(120)]


def test_rows_of_a_benchmark_are_found_in_every_block(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BLOCK", 30)
    corpus = questions(tmp_path, 100)
    repeated = "A very different question about seven trains that leave the old station at noon?"
    lines = corpus.read_text().splitlines()
    lines[70] = json.dumps({"query": repeated, "response": "1"})
    corpus.write_text("\n".join(lines) + "\n")
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": repeated}) + "\n")
    data = [{"format": "metamath", "path": str(corpus)}]
    leakage = {"benchmarks": [str(tmp_path / "test.jsonl")]}
    refused = load_settings(config(parts, tmp_path / "refused", data=data, leakage=leakage))
    with pytest.raises(LeakageError, match=r"first row 71 \(same text\)"):
        list(stream_examples(refused))
    dropped = config(parts, tmp_path / "dropped", data=data, leakage={**leakage, "on_overlap": "drop"})
    assert [row.answer for row in stream_examples(load_settings(dropped))] == [str(i) for i in range(100) if i != 70]


def test_stored_rows_are_the_rows_and_are_not_kept_in_memory(parts: Path, tmp_path: Path) -> None:
    settings = load_settings(config(parts, tmp_path / "run"))
    rows, _ = stage_rows(settings, assemble(settings).builder)
    stored = StoredRows.write(tmp_path / "rows", (rows[i] for i in range(len(rows))))
    assert [stored[i] for i in range(len(stored))] == [rows[i] for i in range(len(rows))]
    assert stored.lengths() == rows.lengths()

    def many() -> Iterator[dict[str, Any]]:
        for i in range(20_000):
            yield {"encoder_ids": [i] * 30, "input_ids": [-1] * 30, "target_ids": [i, 2]}

    tracemalloc.start()
    try:
        large = StoredRows.write(tmp_path / "large", many())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    written = (tmp_path / "large" / "rows.i32").stat().st_size
    assert written == 4 * 62 * 20_000
    assert peak < written / 2, "rows are not gathered before they are written"
    assert large[19_999] == {"encoder_ids": [19_999] * 30, "input_ids": [-1] * 30, "target_ids": [19_999, 2]}


def test_all_draws_of_a_sentence_are_on_the_same_side(parts: Path, tmp_path: Path) -> None:
    corpus = [{"format": "metamath", "path": str(questions(tmp_path, 60))}]
    switch = {"ratio": [0.5, 0.9], "keep": "articles", "draws": 3}
    settings = load_settings(config(parts, tmp_path / "run", data=corpus, code_switch=switch, optim={"held_out": 0.3}))
    builder = assemble(settings).builder
    rows, held = stored_rows(settings, builder, tmp_path / "rows")
    assert held is not None and len(rows) + len(held) == 180 and 18 <= len(held) <= 96
    chosen = [example.question for example in held.examples]
    assert {chosen.count(question) for question in chosen} == {3}
    assert held.languages is not None and len(held.languages) == len(held) and "es" in held.languages
    again, same = stored_rows(settings, builder, tmp_path / "again")
    assert same is not None and [again[i] for i in range(len(again))] == [rows[i] for i in range(len(rows))]
    (tmp_path / "empty.txt").write_text("\n")
    empty = config(parts, tmp_path / "none", data=[{"format": "text", "path": str(tmp_path / "empty.txt")}])
    with pytest.raises(SettingsError, match="no row is left to train on"):
        stored_rows(load_settings(empty), builder, tmp_path / "nothing")


def test_a_run_on_stored_rows_resumes_with_the_same_losses(parts: Path, tmp_path: Path) -> None:
    optim = {"rows_on_disk": True, "held_out": 0.2, "reconstruction_samples": 1, "cache_encoder_states": "always"}
    settings = load_settings(config(parts, tmp_path / "run", optim=optim))
    result = run_stage(settings)
    assert result["rows"] + result["held_out_rows"] == 40 and result["held_out_rows"] > 0
    whole = metrics(tmp_path / "run")
    assert list(whole) == [1, 2, 3, 4, 5, 6]
    shutil.rmtree(tmp_path / "run" / "checkpoint-6")
    (tmp_path / "run" / "result.json").unlink()
    run_stage(settings)
    assert metrics(tmp_path / "run") == pytest.approx(whole, abs=2e-5)


def test_runs_begun_before_the_setting_was_there_keep_their_fingerprint(parts: Path, tmp_path: Path) -> None:
    plain = load_settings(config(parts, tmp_path / "a"))
    on_disk = load_settings(config(parts, tmp_path / "b", optim={"rows_on_disk": True}))
    off = load_settings(config(parts, tmp_path / "c", optim={"rows_on_disk": False}))
    assert fingerprint(plain) == fingerprint(off) != fingerprint(on_disk)
