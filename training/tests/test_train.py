"""Stages on tiny models: what is trained and what stays, resume, caches, settings, the command line."""

from __future__ import annotations

import dataclasses
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
from peft import PeftModel
from safetensors.torch import load_file
from tiny import make_encoder, make_lexicon, make_llm
from transformers import AutoModelForCausalLM

from lingualift_training import cli
from lingualift_training.data.examples import Example
from lingualift_training.model.connector import Connector
from lingualift_training.train import tasks
from lingualift_training.train.probe import balanced_choices, operation_choice
from lingualift_training.train.rows import Collator
from lingualift_training.train.settings import Settings, SettingsError, json_schema, load_settings
from lingualift_training.train.setup import assemble, stage_rows
from lingualift_training.train.stages import complete, run_stage
from lingualift_training.train.trainer import LengthBuckets, last_checkpoint

PACKAGE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    make_encoder(folder / "encoder")
    make_llm(folder / "llm")
    make_lexicon(folder / "es.txt")
    return folder


def config(parts: Path, output: Path, stage: str = "stage1", **changes: Any) -> Path:
    """Writes a run's YAML; ``changes`` replace or extend top-level sections."""
    values: dict[str, Any] = {
        "stage": stage,
        "output": str(output),
        "seed": 1,
        "model": {"encoder": str(parts / "encoder"), "llm": str(parts / "llm")},
        "merge": {"mode": "concat", "order": ["start", "enc", "end", "instruction"]},
        "prompts": {"instruction": "\nEnglish:"},
        "data": [{"format": "generator", "path": "40:3"}],
        "lexicons": [{"language": "es", "path": str(parts / "es.txt")}],
        "code_switch": {"ratio": [0.5, 0.9], "keep": "articles"},
        "optim": {
            "max_steps": 6, "batch_size": 4, "log_steps": 1, "eval_steps": 2, "save_steps": 2, "held_out": 0.1,
            "cpu": True, "schedule": "linear", "learning_rate": {"connector": 1e-3, "llm": 1e-3},
        },
    }  # fmt: skip
    for name, change in changes.items():
        values[name] = {**values[name], **change} if isinstance(values.get(name), dict) and change else change
    output.parent.mkdir(parents=True, exist_ok=True)
    path = output.parent / f"{output.name}.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def metrics(folder: Path, field: str = "loss") -> dict[int, float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row[field] for row in rows if field in row}


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def run_and_compare(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], dict[str, Any]]:
    """Runs a stage; returns the parameters that changed, by comparing bit by bit, and the result."""
    kept: dict[str, Any] = {}

    def remembering(chosen: Settings) -> Any:
        kept["assembled"] = assemble(chosen)
        kept["before"] = snapshot(kept["assembled"].model)
        return kept["assembled"]

    monkeypatch.setattr("lingualift_training.train.stages.assemble", remembering)
    result = run_stage(settings)
    after = kept["assembled"].model.state_dict()
    assert after.keys() == kept["before"].keys()
    return {name for name in after if not torch.equal(after[name], kept["before"][name])}, result


def test_stage1_trains_the_alignment_layer_and_nothing_else(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(config(parts, tmp_path / "one", optim={"reconstruction_samples": 2}))
    changed, result = run_and_compare(settings, monkeypatch)
    assert changed == {
        f"connector.{n}" for n in ("hidden.weight", "hidden.bias", "project.weight", "project.bias", "start", "end")
    }
    assert result["files"] == ["connector.safetensors", "connector.json"]
    assert Connector.load(tmp_path / "one").config.input_size == 16
    assert list(metrics(tmp_path / "one")) == [1, 2, 3, 4, 5, 6]
    rows = [json.loads(line) for line in (tmp_path / "one" / "metrics.jsonl").read_text().splitlines()]
    step = next(row for row in rows if row.get("step") == 3 and "loss" in row)
    assert step["grad_norm_connector"] > 0 and "grad_norm_llm" not in step
    assert step["tokens_per_second"] > 0 and step["memory_mb"] > 0
    held_out = metrics(tmp_path / "one", "eval_loss")
    assert list(held_out) == [2, 4, 6] and held_out[6] < held_out[2]
    chrf = next(row["reconstruction_chrf"] for row in rows if "reconstruction_chrf" in row)
    assert all(0 <= score <= 100 for score in chrf.values()) and chrf


def test_stage2_lora_leaves_encoder_alignment_and_base_weights_alone(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(
        parts, tmp_path / "two", "stage2", merge={"mode": "replace", "order": ["start", "enc", "end"]},
        lora={"rank": 4, "alpha": 8},
    )  # fmt: skip
    changed, result = run_and_compare(load_settings(path), monkeypatch)
    assert changed and all(name.startswith("llm.") and ".lora_" in name for name in changed)
    assert result["files"][0] == "adapter/adapter_model.safetensors"
    assert load_file(tmp_path / "two" / "adapter" / "adapter_model.safetensors").popitem()[1].dtype == torch.float16
    base = AutoModelForCausalLM.from_pretrained(parts / "llm")
    merged = PeftModel.from_pretrained(base, tmp_path / "two" / "adapter").merge_and_unload()
    assert not torch.equal(
        merged.model.layers[0].mlp.up_proj.weight,
        AutoModelForCausalLM.from_pretrained(parts / "llm").model.layers[0].mlp.up_proj.weight,
    )
    assert (
        json.loads((tmp_path / "two" / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"]
        == "llm"
    )


def test_stage2_full_and_ablation_switch(parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(
        parts, tmp_path / "full", "stage2", merge={"mode": "replace", "order": ["start", "enc", "end"]},
        ablations={"train_connector": True}, optim={"max_steps": 2},
    )  # fmt: skip
    changed, _ = run_and_compare(load_settings(path), monkeypatch)
    assert {name.split(".")[0] for name in changed} == {"connector", "llm"}
    assert (tmp_path / "full" / "llm" / "model.safetensors").is_file()
    assert (tmp_path / "full" / "connector.safetensors").is_file()


def test_baseline_needs_no_encoder(parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(
        parts, tmp_path / "base", "baseline", model={"encoder": None}, lora={"rank": 2},
        prompts={"instruction": ""}, optim={"max_steps": 3, "eval_steps": 3, "save_steps": 3},
    )  # fmt: skip
    changed, result = run_and_compare(load_settings(path), monkeypatch)
    assert all(".lora_" in name for name in changed)
    assert result["held_out_loss"] > 0


def test_resume_gives_the_losses_of_an_uninterrupted_run(parts: Path, tmp_path: Path) -> None:
    whole = load_settings(config(parts, tmp_path / "whole", optim={"max_steps": 22, "eval_steps": 4, "save_steps": 4}))
    run_stage(whole)
    cut = dataclasses.replace(whole, output=str(tmp_path / "cut"))
    path = tmp_path / "cut.yaml"
    path.write_text((tmp_path / "whole.yaml").read_text().replace(str(tmp_path / "whole"), str(tmp_path / "cut")))
    process = subprocess.Popen(
        [sys.executable, "-m", "lingualift_training", "stage1", str(path)],
        cwd=PACKAGE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        if last_checkpoint(cut.output) is not None:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    start = last_checkpoint(cut.output)
    assert start is not None
    run_stage(cut)
    assert metrics(tmp_path / "cut") == pytest.approx(metrics(tmp_path / "whole"), abs=2e-5)
    ours, theirs = (load_file(tmp_path / n / "connector.safetensors") for n in ("whole", "cut"))
    for name, value in ours.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-3, atol=1e-5)


def test_a_checkpoint_cut_off_while_written_is_not_used(parts: Path, tmp_path: Path) -> None:
    settings = load_settings(config(parts, tmp_path / "torn", optim={"max_steps": 4, "save_steps": 2}))
    run_stage(settings)
    newest = last_checkpoint(tmp_path / "torn")
    assert newest is not None and newest.name == "checkpoint-4"
    (newest / "complete").unlink()
    (newest / "optimizer.pt").write_bytes(b"torn")
    again = last_checkpoint(tmp_path / "torn")
    assert again is not None and again.name == "checkpoint-2"
    before = metrics(tmp_path / "torn")
    run_stage(settings)
    assert metrics(tmp_path / "torn") == pytest.approx(before, abs=2e-5)


def test_other_settings_never_share_an_output_folder(parts: Path, tmp_path: Path) -> None:
    run_stage(load_settings(config(parts, tmp_path / "same", optim={"max_steps": 2})))
    other = load_settings(config(parts, tmp_path / "same", seed=2, optim={"max_steps": 2}))
    with pytest.raises(SettingsError, match="other settings"):
        run_stage(other)
    assert run_stage(other, restart=True)["steps"] == 2


def test_gradient_accumulation_equals_a_larger_batch(parts: Path, tmp_path: Path) -> None:
    for name, batch, accumulation in (("large", 8, 1), ("small", 2, 4)):
        optim = {"max_steps": 3, "batch_size": batch, "accumulation": accumulation, "group_by_length": False}
        run_stage(load_settings(config(parts, tmp_path / name, optim=optim)))
    assert metrics(tmp_path / "large") == pytest.approx(metrics(tmp_path / "small"), rel=1e-4)


def test_cached_encoder_states_give_the_same_losses(parts: Path, tmp_path: Path) -> None:
    for choice in ("never", "always"):
        run_stage(load_settings(config(parts, tmp_path / choice, optim={"cache_encoder_states": choice})))
    assert (tmp_path / "always" / "encoder-states-0" / "states.f16").is_file()
    assert metrics(tmp_path / "always") == pytest.approx(metrics(tmp_path / "never"), rel=1e-3)


def test_gradient_checkpointing_does_not_change_losses(parts: Path, tmp_path: Path) -> None:
    for choice in (False, True):
        run_stage(
            load_settings(
                config(parts, tmp_path / str(choice), optim={"gradient_checkpointing": choice, "max_steps": 2})
            )
        )
    assert metrics(tmp_path / "True") == pytest.approx(metrics(tmp_path / "False"), rel=1e-4)


@pytest.mark.slow
def test_two_processes_equal_one(parts: Path, tmp_path: Path) -> None:
    one = config(parts, tmp_path / "one", optim={"batch_size": 4, "max_steps": 5})
    run_stage(load_settings(one))
    two = config(parts, tmp_path / "two", optim={"batch_size": 2, "max_steps": 5})
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "lingualift_training", "stage1", str(two)],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert metrics(tmp_path / "two") == pytest.approx(metrics(tmp_path / "one"), rel=1e-4)


def test_warm_start_beats_chance_and_writes_half_precision(parts: Path, tmp_path: Path) -> None:
    path = config(
        parts, tmp_path / "warm", "warmstart", data=[{"format": "generator", "path": "150:1"}],
        warm_start={"epochs": 15, "batch": 64, "sentences": 0, "learning_rate": 0.01},
    )  # fmt: skip
    result = tasks.run_warmstart(load_settings(path), log=lambda _: None)
    accuracy = result["held_out_nearest_token"]
    assert accuracy["kept"] > 0.1 and accuracy["digit"] > 0.2 and accuracy["special"] > 0.9
    assert load_file(tmp_path / "warm" / "connector.safetensors")["hidden.weight"].dtype == torch.float16
    losses = [json.loads(line)["loss"] for line in (tmp_path / "warm" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]


def test_completions_do_not_depend_on_the_batch(parts: Path, tmp_path: Path) -> None:
    settings = load_settings(config(parts, tmp_path / "c"))
    assembled = assemble(settings)
    rows, _ = stage_rows(settings, assembled.builder)
    together = complete(assembled, rows, [0, 1, 2, 3], max_new_tokens=8)
    assert together == [complete(assembled, rows, [i], max_new_tokens=8)[0] for i in range(4)]


def test_probe_scores_equal_full_forward_passes(parts: Path, tmp_path: Path) -> None:
    file = tmp_path / "test_English.json"
    rows = [
        {"m_query": f"{t} has {a} apples and {b} pencils .", "equation": f"{o} number{i} number{1 - i}"}
        for t, a, b, o, i in (("Tom", 8, 2, "+", 0), ("Ann", 3, 9, "-", 1), ("Bo", 4, 5, "*", 0), ("Al", 6, 3, "/", 0))
    ] + [{"m_query": "Tom has 4 and 4 apples", "equation": "+ number0 number1"}]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    choices = balanced_choices(file, 1)
    assert sorted(c.operation for c in choices) == sorted("+-*/")
    minus = next(c for c in choices if c.operation == "-")
    assert minus.calculation("-") == " 9 - 3 =" and minus.calculation("+") == " 9 + 3 ="
    settings = load_settings(config(parts, tmp_path / "p"))
    assembled = assemble(settings)
    questions = [rows[c.row]["m_query"] for c in choices]
    found = operation_choice(assembled, questions, choices)
    best = []
    for question, choice in zip(questions, choices, strict=True):
        scores = []
        for operation in "+-*/":
            row = assembled.builder.build(Example(question, ""))
            target = assembled.llm_tokenizer(choice.calculation(operation), add_special_tokens=False)["input_ids"]
            batch = Collator(0, 1)([{**row, "target_ids": target}])
            scores.append(-assembled.model(**batch).loss.item() * len(target))
        best.append("+-*/"[max(range(4), key=scores.__getitem__)])
    assert found["chosen"] == {operation: best.count(operation) for operation in "+-*/"}
    assert found["accuracy"] == sum(b == c.operation for b, c in zip(best, choices, strict=True)) / 4


def test_rows_follow_the_settings(parts: Path, tmp_path: Path) -> None:
    settings = load_settings(config(parts, tmp_path / "rows"))
    assembled = assemble(settings)
    rows, held = stage_rows(settings, assembled.builder)
    assert len(rows) == 36 and held is not None and len(held) == 4
    row = rows[0]
    soft = len(row["encoder_ids"]) + 2
    assert row["input_ids"][:soft] == [-1 - i for i in range(soft)]
    assert row["input_ids"][soft:] == assembled.llm_tokenizer("\nEnglish:", add_special_tokens=False)["input_ids"]
    assert row["target_ids"][-1] == assembled.builder.eos_id
    batch = Collator(0, 1)([rows[0], rows[1]])
    assert (batch["labels"] != -100).sum() == len(rows[0]["target_ids"]) + len(rows[1]["target_ids"])
    assert not {r.question for r in rows.examples} & {r.question for r in held.examples}


def test_length_buckets_are_a_permutation_that_depends_on_seed_and_epoch() -> None:
    lengths = [(7 * i) % 50 for i in range(103)]
    sampler = LengthBuckets(103, 4, 0, lengths)
    first = list(sampler)
    assert sorted(first) == list(range(103))
    assert list(sampler) == first
    spreads = [max(b) - min(b) for b in ([lengths[i] for i in first[k : k + 4]] for k in range(0, 100, 4))]
    assert max(spreads) <= 4
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(LengthBuckets(103, 4, 1, lengths)) != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage: stage1\noutput: x\nopttim: {}\n", r"bad.yaml:3: opttim: unknown setting"),
        ("stage: stage3\noutput: x\n", r"bad.yaml:1: stage: 'stage3' is not one of: lexicon"),
        ("output: x\n", r"bad.yaml:1: file: setting 'stage' is missing"),
        ("stage: stage1\noutput: x\noptim:\n  batch_size: many\n", r"bad.yaml:4: optim.batch_size: expected a whole"),
        ("stage: stage1\noutput: x\ndata:\n  format: text\n", r"bad.yaml:4: data: expected a list"),
        ("stage: [\n", "not valid YAML"),
        ("", "the file is empty"),
    ],
)
def test_bad_settings_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_settings(path)


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(
        "stage: stage1\noutput: 7\noptim: {learning_rate: {connector: 6e-4, llm: 1}}\ncode_switch: {ratio: 0.3}\n"
    )
    settings = load_settings(path)
    assert settings.optim.learning_rate.connector == 6e-4 and settings.optim.learning_rate.llm == 1.0
    assert settings.output == "7" and settings.code_switch.ratio == [0.3]


def test_committed_schema_is_current() -> None:
    assert json.loads((PACKAGE / "configs" / "schema.json").read_text()) == json_schema()


def test_shipped_configurations_are_valid() -> None:
    files = [p for p in (PACKAGE / "configs").glob("**/*.yaml") if p.parent.name not in ("distributed", "study")]
    assert len(files) >= 10
    for path in files:
        assert load_settings(path).stage in path.name


def test_command_line_reports_errors_on_one_line(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(parts, tmp_path / "x", "stage2")
    assert cli.main(["stage1", str(path)]) == 2
    assert "describes a 'stage2' run" in capsys.readouterr().err
    data = tmp_path / "rows.jsonl"
    data.write_text('{"question": "q", "answer": "a"}\n{"question": 3}\n')
    path = config(parts, tmp_path / "y", data=[{"format": "gsm8k", "path": str(data)}])
    assert cli.main(["stage1", str(path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"{data}:2: error: row has no text field 'answer'"
    absent = tmp_path / "absent.yaml"
    assert cli.main(["stage1", str(absent)]) == 2
    assert capsys.readouterr().err == f"{absent}:1: error: there is no file {absent}\n"


def test_not_a_number_stops_the_run(parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(parts, tmp_path / "nan", optim={"learning_rate": {"connector": 1e20}, "max_grad_norm": 0.0})
    assert cli.main(["stage1", str(path)]) == 2
    # The last line, by itself: an editor reads the output line by line.
    error = capsys.readouterr().err.splitlines()[-1]
    line = path.read_text().splitlines().index("  learning_rate:") + 1
    assert error.startswith(f"{path}:{line}: error: the loss became") and "lower the learning rate" in error
    assert "ended" in json.loads((tmp_path / "nan" / "process.json").read_text())


def test_dry_run_prints_estimates_and_rows(parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(parts, tmp_path / "dry")
    assert cli.main(["dry-run", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "steps: 6" in printed and "trained_parameters: 1384" in printed
    assert len([line for line in printed.splitlines() if "|" in line]) >= 5
    assert not (tmp_path / "dry").exists()


def test_codeswitch_and_lexicon_commands(parts: Path, tmp_path: Path) -> None:
    path = config(parts, tmp_path / "cs", "codeswitch", code_switch={"draws": 2})
    assert cli.main(["codeswitch", str(path)]) == 0
    rows = json.loads((tmp_path / "cs" / "stage1.json").read_text())
    assert len(rows) == 80 and rows[0]["output"] == rows[1]["output"]
    assert any(row["input"] != row["output"] for row in rows)
    words = tmp_path / "words.txt"
    words.write_text("manzanas manzanas lápices libros amigos niños juguetes tienda caja bolsa", encoding="utf-8")
    induce = {"languages": ["xx"], "english_words": 50, "text_files": {"xx": [str(words)]}, "mutual": False}
    path = config(parts, tmp_path / "lex", "lexicon", induce=induce)
    assert cli.main(["lexicon", str(path)]) == 0
    lines = (tmp_path / "lex" / "xx.tsv").read_text(encoding="utf-8").splitlines()
    assert lines and all(len(line.split("\t")) == 3 for line in lines)
