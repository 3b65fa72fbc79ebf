"""Table of results: the file, what is asked of the evaluator, intervals and tables."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from lingualift_training import study as module
from lingualift_training.cli import main
from lingualift_training.study import (
    evaluate_command,
    interval_of_mean,
    load_study,
    probe_table,
    run_study,
)
from lingualift_training.train.settings import SettingsError

YAML = """
output: {folder}
against: base
probe: {{ msvamp: nowhere, per_operation: 1, languages: [English, Spanish, Thai] }}
benchmarks:
  - {{ name: one, path: data/one, limit: 5, seed: 3 }}
  - {{ name: two, path: lift48 }}
rows:
  - {{ name: base, config: base.yaml, bundle: smol-base }}
  - {{ name: better one, config: other.yaml, bundle: smol-lift, calculator: [true], benchmarks: [one] }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(YAML.format(folder=tmp_path / "out"), encoding="utf-8")
    return path


def probes(*hits: list[int]) -> dict[str, Any]:
    names = ["English", "Spanish", "Thai"]
    return {"languages": {n: {"accuracy": sum(h) / len(h), "hits": h} for n, h in zip(names, hits, strict=False)}}


def test_the_shipped_study_is_whole() -> None:
    root = Path(__file__).resolve().parents[2]
    study = load_study(root / "training/configs/study/demo.yaml")
    for row in study.rows:
        assert row.config is None or (root / row.config).is_file()
        for place in (row.adapter, row.connector):
            assert place is None or place.startswith("runs/") or (root / place).is_dir(), place


def test_commands_say_everything_that_makes_a_run(file: Path) -> None:
    study = load_study(file)
    row = study.rows[1]
    command = " ".join(evaluate_command(study, row, study.benchmarks[0], True))
    for part in ("--bundle smol-lift", "--benchmark data/one", "--limit 5", "--seed 3", "--calculator", "int8"):
        assert part in command
    plain = evaluate_command(study, row, study.benchmarks[1], False)
    assert "--calculator" not in plain and "--limit" not in plain
    assert plain[-1] != command.split()[-1]


def test_wrong_files_are_refused(file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for wrong, message in (
        (text.replace("benchmarks: [one]", "benchmarks: [three]"), "three"),
        (text.replace("against: base", "against: nobody"), "nobody"),
        (text.replace("per_operation: 1", "per_operation: many"), "per_operation"),
        (text.replace("bundle: smol-base", "bundel: smol-base"), "bundel"),
    ):
        path = tmp_path / "wrong.yaml"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(SettingsError, match=message):
            load_study(path)
    assert main(["study", str(file), "--row", "nobody"]) == 2


def test_interval_is_clustered_by_problem() -> None:
    # Two languages that agree on every problem carry no more than one: the same interval, not a narrower one.
    hits = [1, 0] * 20
    mean, low, high = interval_of_mean([hits])
    assert mean == 0.5 and 0.3 < low < 0.42 and 0.58 < high < 0.7
    assert interval_of_mean([hits, hits]) == (mean, low, high)
    opposite = [1 - h for h in hits]
    assert interval_of_mean([hits, opposite]) == (0.5, 0.5, 0.5)
    assert interval_of_mean([[-1, 0, 1, 0]])[0] == 0


def test_probe_table_pairs_the_same_problems(file: Path) -> None:
    study = load_study(file)
    lines = probe_table(
        study,
        {
            "base": probes([1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]),
            "better one": probes([1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]),
            "few": probes([1, 1, 1, 1], [0, 0, 0, 0]),
        },
    )
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert cells[2][:4] == ["base", ".50", ".25", ".00"] and cells[2][-1] == "–"
    assert cells[3][:4] == ["better one", ".75", "1.00", ".25"]
    assert cells[3][4].startswith(".62 [") and cells[3][5].startswith(".50 [")
    assert cells[4][3] == "–" and "(1 languages)" in cells[4][4] and cells[4][5].startswith("-.25 [")


def test_table_shows_what_is_there_and_names_what_is_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(file)
    folder = module.run_folder(study, study.rows[0], study.benchmarks[0], False)
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"status": "finished"}), encoding="utf-8")
    other = module.run_folder(study, study.rows[0], study.benchmarks[1], True)
    other.mkdir(parents=True)
    (other / "state.json").write_text(json.dumps({"status": "cancelled"}), encoding="utf-8")
    language = {"language": "es", "accuracy": 0.4, "floor": {"name": "a+b", "share": 0.25}, "aboveFloor": False}
    run = {"samples": 5, "overall": {"mean": 0.4, "interval": [0.1, 0.7], "floor": 0.25}, "languages": [language]}
    monkeypatch.setattr(module, "report", lambda folders: {"runs": [run], "comparisons": []})
    text = run_study(file, only_table=True)
    assert "| base | 5 | .40 [.10, .70] | – | .25 | 1 (0) of 1 | es .40 |" in text
    assert "base + calculator on two" in text and "better one + calculator on one" in text
    assert "base on one" not in text and "better one on one" not in text
    assert (Path(study.output) / "table.md").read_text(encoding="utf-8") == text


def test_a_probe_is_kept_and_asked_again_only_when_the_request_changes(file: Path) -> None:
    study = load_study(file)
    row = study.rows[0]
    probe = {k: v for k, v in dataclasses.asdict(study.probe).items() if k != "languages"}
    kept = {
        "asked": {"probe": probe, "model": [row.config, None, None, None]},
        "languages": probes([1], [0], [1])["languages"],
    }
    folder = Path(study.output) / "base"
    folder.mkdir(parents=True)
    (folder / "probe.json").write_text(json.dumps(kept), encoding="utf-8")
    assert module.run_probe(study, row) == kept
    for changed in (
        dataclasses.replace(row, adapter="other"),
        dataclasses.replace(row, languages=["English", "Malay"]),
    ):
        with pytest.raises(FileNotFoundError):  # base.yaml is not there: what is missing is computed
            module.run_probe(study, changed)
