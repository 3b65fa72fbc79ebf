"""What a program that starts a run relies on: error lines, stop signals, the preview as JSON, the bundle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from test_train import PACKAGE, config, metrics
from tiny import TRANSLATIONS, make_encoder, make_lexicon, make_llm

from lingualift_training import cli
from lingualift_training.export.tiny import make_parts
from lingualift_training.train.bundle import matching_template, run_export
from lingualift_training.train.provenance import earlier_stages
from lingualift_training.train.report import error_line, is_out_of_memory, line_of
from lingualift_training.train.settings import SettingsError, load_settings
from lingualift_training.train.stages import run_stage
from lingualift_training.train.trainer import last_checkpoint


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    make_encoder(folder / "encoder")
    make_llm(folder / "llm")
    make_lexicon(folder / "es.txt")
    return folder


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("data/a.jsonl:12: row has no text field 'answer'", "data/a.jsonl:12: error: row has no text field 'answer'"),
        ("two\nlines", "run.yaml:1: error: two lines"),
        ("C:\\data\\a.tsv:3: expected two columns", "C:\\data\\a.tsv:3: error: expected two columns"),
    ],
)
def test_errors_are_one_line_with_file_and_line(message: str, line: str) -> None:
    assert error_line("run.yaml", message) == line


def test_a_setting_is_found_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("stage: stage1\noutput: x\noptim:\n  batch_size: 2\n  learning_rate: { llm: 1 }\n")
    found = [line_of(path, name) for name in ("optim.batch_size", "optim.learning_rate.llm", "optim.threads")]
    assert found == [4, 5, 3]
    assert line_of(path, "export") == 1 and line_of(tmp_path / "absent.yaml", "optim") == 1


def test_shortage_of_memory_is_told_with_the_setting_to_lower(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The words of PyTorch's CPU allocator, of its CUDA allocator, and of an error that is not about memory.
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    path = config(parts, tmp_path / "memory")

    def short(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0 has 1 GiB free.")

    monkeypatch.setattr("lingualift_training.train.stages.assemble", short)
    assert cli.main(["stage1", str(path)]) == 2
    line = path.read_text().splitlines().index("  batch_size: 4") + 1
    told = capsys.readouterr().err
    assert told.startswith(f"{path}:{line}: error: out of memory: CUDA out of memory") and told.count("\n") == 1
    assert "optim.accumulation" in told


MANY = {"max_steps": 30, "eval_steps": 100, "save_steps": 100, "held_out": 0, "batch_size": 2, "threads": 1}


@pytest.fixture(scope="module")
def whole(parts: Path) -> Path:
    """A run that nobody interrupted."""
    run_stage(load_settings(config(parts, parts / "whole", optim=MANY)))
    return parts / "whole"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_a_checkpoint_that_goes_on_with_the_same_losses(
    parts: Path, whole: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(parts, tmp_path / "cut", optim=MANY)
    process = subprocess.Popen(
        [sys.executable, "-m", "lingualift_training", "stage1", str(path)],
        cwd=PACKAGE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    written = tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        if written.is_file() and written.read_text().count("\n") >= 2:
            # It stands still meanwhile: a run this short would be over before it was looked at.
            process.send_signal(signal.SIGSTOP)
            claimed = json.loads((tmp_path / "cut" / "process.json").read_text())
            assert claimed["pid"] == process.pid and claimed["config"] == str(path) and "ended" not in claimed
            assert cli.main(["stage1", str(path)]) == 2
            process.send_signal(getattr(signal, name))
            process.send_signal(signal.SIGCONT)
            break
        time.sleep(0.002)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert f"process {process.pid} (since" in capsys.readouterr().err
    assert name == "SIGHUP" or b"interrupted at step" in errors
    assert "ended" in json.loads((tmp_path / "cut" / "process.json").read_text())
    assert not (tmp_path / "cut" / "result.json").exists()
    checkpoint = last_checkpoint(tmp_path / "cut")
    assert checkpoint is not None and 2 <= int(checkpoint.name.rsplit("-", 1)[1]) < 30
    run_stage(load_settings(path))
    assert metrics(tmp_path / "cut") == pytest.approx(metrics(whole), abs=2e-5)
    ours, theirs = (load_file(f / "connector.safetensors") for f in (whole, tmp_path / "cut"))
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=1e-3, atol=1e-5)


def test_preview_is_json_that_gives_back_both_sentences(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(parts, tmp_path / "preview", code_switch={"draws": 1})
    assert cli.main(["preview", str(path), "--rows", "8", "--seed", "5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seed"] == 5 and len(told["rows"]) == 8 and told["sentences"] == 40
    (spanish,) = told["languages"]
    assert spanish["language"] == "es" and spanish["entries"] == len(TRANSLATIONS) and 0 < spanish["coverage"] < 1
    replaced = [p for row in told["rows"] for p in row["pieces"] if "language" in p]
    assert len(replaced) == told["replaced"] > 0 and told["words"] > told["replaced"]
    for piece in replaced:
        assert piece["text"] == TRANSLATIONS[piece["source"].lower()]
    for row in told["rows"]:
        assert "".join(p.get("source", p["text"]) for p in row["pieces"]) == row["source"]
    assert not (tmp_path / "preview").exists()
    assert cli.main(["preview", str(config(parts, tmp_path / "none", lexicons=[]))]) == 2
    assert "code-switching needs lexicons" in capsys.readouterr().err


def export_config(folder: Path, output: Path, stage: str, **changes: Any) -> Path:
    """A run on the parts of the tiny bundle, which the exporter takes."""
    model = {"llm": str(folder / "lm")}
    if stage != "baseline":
        model |= {"encoder": str(folder / "encoder"), "connector": str(folder / "connector")}
    path = config(folder, output, stage, optim={"max_steps": 2, "eval_steps": 1, "save_steps": 1})
    values = yaml.safe_load(path.read_text()) | {
        "model": model,
        "merge": {"mode": "replace", "order": ["bos", "start", "enc", "end"]},
        "prompts": {},
        "lexicons": [],
        "lora": {"rank": 2, "alpha": 4},
        "export": {"precisions": ["fp32"], "name": "made"},
        **changes,
    }
    path.write_text(yaml.safe_dump(values))
    return path


def test_the_bundle_of_a_run_and_of_its_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_parts(tmp_path / "parts")
    path = export_config(tmp_path / "parts", tmp_path / "run", "stage2")
    assert cli.main(["export", str(path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    result = run_stage(load_settings(path))
    assert cli.main(["export", str(path), "--bundle", str(tmp_path / "bundle")]) == 0
    made = json.loads((tmp_path / "bundle" / "lift.json").read_text())
    assert (made["name"], made["method"], made["prompts"]["template"]) == ("made", "lingualift", "plain")
    assert made["merge"] == {"mode": "replace", "order": ["bos", "start", "enc", "end"]}
    assert made["parts"]["lm"]["delta"]["kind"] == "lora"
    assert made["parts"]["encoder"]["normalise"] == {"digits": "ascii", "spaceDigits": True}
    (stage,) = made["stages"]
    assert stage["fingerprint"] == result["fingerprint"] and stage["steps"] == 2
    capsys.readouterr()
    assert cli.main(["export", str(path), "--checkpoint", "1", "--json-progress"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["message"].startswith("the bundle is ready")
    early = json.loads((tmp_path / "run" / "checkpoint-1" / "result" / "bundle" / "lift.json").read_text())
    assert early["provenance"]["inputs"] != made["provenance"]["inputs"]
    assert cli.main(["export", str(path), "--checkpoint", "7"]) == 2
    assert "no complete checkpoint of step 7" in capsys.readouterr().err


def test_the_bundle_of_a_baseline_reads_text_as_it_was_trained(tmp_path: Path) -> None:
    make_parts(tmp_path / "parts")
    prompts = {"text": "Question: {question}\nAnswer:"}
    settings = load_settings(export_config(tmp_path / "parts", tmp_path / "run", "baseline", prompts=prompts))
    run_stage(settings)
    made = json.loads((run_export(settings, str(tmp_path / "bundle")) / "lift.json").read_text())
    assert (made["method"], made["prompts"]["template"]) == ("text", "short-cot")
    assert made["merge"] == {"mode": "none", "order": ["text"]}


def test_runs_that_a_run_started_from_are_named_in_order(parts: Path, tmp_path: Path) -> None:
    short = {"max_steps": 1, "eval_steps": 0, "save_steps": 0, "held_out": 0}
    first = load_settings(config(parts, tmp_path / "first", optim=short))
    model = {"connector": str(tmp_path / "first")}
    second = load_settings(
        config(parts, tmp_path / "second", "stage2", model=model, lora={"rank": 2, "alpha": 4}, optim=short)
    )
    third = load_settings(
        config(
            parts, tmp_path / "third", "stage2", model=model, optim=short,
            lora={"rank": 2, "alpha": 4, "start": str(tmp_path / "second" / "adapter")},
        )
    )  # fmt: skip
    assert earlier_stages(second) == []
    done = [run_stage(first), run_stage(second)]
    assert earlier_stages(first) == []
    assert [s["fingerprint"] for s in earlier_stages(second)] == [done[0]["fingerprint"]]
    found = earlier_stages(third)
    assert [(s["name"], s["steps"], s["fingerprint"]) for s in found] == [
        (r["stage"], 1, r["fingerprint"]) for r in done
    ]
    # A folder whose settings are no longer those of its result says nothing.
    marker = tmp_path / "first" / "settings.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"fingerprint": "other"}))
    assert [s["name"] for s in earlier_stages(third)] == ["stage2"]


def test_a_prompt_that_no_bundle_template_gives_is_refused(parts: Path, tmp_path: Path) -> None:
    own = load_settings(config(parts, tmp_path / "own", "stage2", prompts={"encoder": "Frage: {question}"}))
    with pytest.raises(SettingsError, match=r"export\.template: plain, short-cot"):
        matching_template(own, ["enc"])
    assert matching_template(load_settings(config(parts, tmp_path / "plain", "stage2")), ["enc"]) == "plain"
    named = config(parts, tmp_path / "named", prompts={"encoder": "?"}, export={"template": "chat"})
    assert matching_template(load_settings(named), ["enc"]) == "chat"
