"""Whole bundles: manifest, self-test, resuming, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingualift_training.export import ExportError, ExportOptions, build_bundle
from lingualift_training.export import build as build_module
from lingualift_training.export.__main__ import main
from lingualift_training.export.options import merge_order
from lingualift_training.export.selftest import Check, require
from lingualift_training.export.sources import file_sha256
from lingualift_training.export.tiny import make_parts
from lingualift_training.export.tokenizers import with_plain_digits, without_nmt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    make_parts(folder)
    return folder


def options(parts: Path, out: Path, **changes: Any) -> ExportOptions:
    given: dict[str, Any] = {
        "out": out,
        "lm": str(parts / "lm"),
        "encoder": str(parts / "encoder"),
        "connector": parts / "connector",
        "precisions": ["fp32"],
        "self_test_prompts": 3,
        "self_test_tokens": 4,
    }
    return ExportOptions(**{**given, **changes})


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "lift.json").read_text(encoding="utf-8"))
    return found


def test_a_bundle_lists_its_files_and_agrees_with_itself(parts: Path, tmp_path: Path) -> None:
    out = build_bundle(options(parts, tmp_path / "b", precisions=["fp32", "int8"]))
    held = manifest(out)
    on_disk = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} - {"lift.json"}
    assert {row["path"] for row in held["files"]} == on_disk
    for row in held["files"]:
        assert (out / row["path"]).stat().st_size == row["bytes"]
        assert file_sha256(out / row["path"]) == row["sha256"]
    lm, encoder, connector = held["parts"]["lm"], held["parts"]["encoder"], held["parts"]["connector"]
    assert connector["in"] == encoder["hidden"] and connector["out"] == lm["hidden"]
    assert held["merge"] == {"mode": "replace", "order": ["bos", "start", "enc", "end"]}
    for name, check in held["selfTest"]["checks"].items():
        assert check["batchIdsEqual"] == 3, name
    assert held["selfTest"]["checks"]["fp32"]["torchIdsEqual"] == 3
    prompt = held["selfTest"]["prompts"][0]
    assert prompt["softTokens"] == len(prompt["encoderIds"]) + 2
    assert not any(name.startswith(str(parts)) for name in json.dumps(held).split('"'))
    assert not (tmp_path / "b.partial").exists()


def test_the_committed_tiny_bundle_is_what_this_exporter_makes(parts: Path, tmp_path: Path) -> None:
    committed = manifest(ROOT / "models" / "tiny")
    made = manifest(
        build_bundle(
            options(
                parts, tmp_path / "tiny", merge="concat", order=committed["merge"]["order"], self_test_prompts=16,
                self_test_tokens=16,
            )
        )
    )  # fmt: skip
    assert made["parts"]["lm"] | {"dtypeByPrecision": 0} == committed["parts"]["lm"] | {"dtypeByPrecision": 0}
    assert [p["ids"] for p in made["selfTest"]["prompts"]] == [p["ids"] for p in committed["selfTest"]["prompts"]]


def test_an_interrupted_export_goes_on_where_it_stopped(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b"
    calls: list[str] = []
    original = build_module.write_decoder_folder

    def counted(*arguments: Any) -> Any:
        calls.append("decoder")
        return original(*arguments)

    def interrupted(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "write_decoder_folder", counted)
    with monkeypatch.context() as inner:
        inner.setattr(build_module, "write_encoder_folder", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_bundle(options(parts, out))
    assert not out.exists()
    build_bundle(options(parts, out))
    assert calls == ["decoder"], "the decoder was written once"
    before = (out / "lift.json").stat().st_mtime_ns
    build_bundle(options(parts, out))
    assert (out / "lift.json").stat().st_mtime_ns == before, "a finished bundle is left alone"
    build_bundle(options(parts, out, max_new_tokens=7))
    assert manifest(out)["generation"]["maxNewTokens"] == 7, "other options make it anew"


def test_folders_that_are_no_bundles_are_not_overwritten(parts: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ExportError, match="is no bundle"):
        build_bundle(options(parts, tmp_path / "b"))
    assert (tmp_path / "b" / "thesis.txt").is_file()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "text"}, "has no encoder"),
        ({"encoder": None}, "needs both"),
        ({"precisions": ["int8"]}, "fp32 must be among"),
        ({"precisions": ["fp32", "int3"]}, "int3"),
        ({"merge": "none"}, "belong together"),
        ({"order": ["enc", "start", "end"]}, "must be start,enc,end"),
        ({"order": ["start", "enc", "bos", "end"], "merge": "concat"}, "side by side"),
        ({"order": ["start", "enc", "end", "text"]}, "replace"),
        ({"order": ["bos", "bos", "start", "enc", "end"]}, "twice"),
        ({"max_length_encoder": 10_000}, "512 positions"),
        ({"lm": "./nowhere"}, "no folder"),
    ],
)
def test_contradictions_are_refused_in_words(parts: Path, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ExportError, match=words):
        build_bundle(options(parts, tmp_path / "b", **changes))
    assert not (tmp_path / "b").exists()


def test_an_alignment_layer_of_another_model_is_refused(parts: Path, tmp_path: Path) -> None:
    from lingualift_training.model.connector import Connector, ConnectorConfig

    Connector(ConnectorConfig(type="linear", input_size=48, output_size=32)).save(tmp_path / "other")
    with pytest.raises(ExportError, match="width 48"):
        build_bundle(options(parts, tmp_path / "b", connector=tmp_path / "other"))


def test_default_orders_follow_the_methods(tmp_path: Path) -> None:
    def order(method: str, merge: str | None = None) -> list[str]:
        return merge_order(ExportOptions(tmp_path, "lm", method=method, merge=merge), False, True, True)

    assert order("langbridge") == ["bos", "enc", "end"]
    assert order("mindmerger") == ["bos", "enc", "end", "text"]
    assert order("lingualift", "concat") == ["bos", "enc", "end", "instruction"]
    assert merge_order(ExportOptions(tmp_path, "lm", method="text"), False, False, False) == ["text"]


def test_a_failed_self_test_refuses_the_bundle() -> None:
    with pytest.raises(ExportError, match="other tokens in a batch"):
        require(Check(16, 15, None, None), "int8")
    with pytest.raises(ExportError, match="PyTorch"):
        require(Check(16, 16, 15, 0.0), "fp32")
    with pytest.raises(ExportError, match="log-probabilities"):
        require(Check(16, 16, 16, 0.01), "fp32")
    require(Check(16, 16, 3, 0.5), "int8")


def test_the_command_line_reports_errors_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "b"), "--lm", "./nowhere", "--method", "text"]) == 1
    shown = capsys.readouterr().err.strip().splitlines()
    assert len(shown) == 1 and shown[0].startswith("error: there is no folder ./nowhere")


def test_progress_is_json_when_asked(parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--out", str(tmp_path / "b"), "--lm", str(parts / "lm"), "--method", "text", "--precisions", "fp32"]
    assert main([*given, "--json-progress"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, rows[-1]["of"] + 1))


def test_normalisers_and_digits_are_written_for_javascript() -> None:
    nmt = {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}]}
    found = without_nmt(nmt)
    assert found is not None
    assert [part["type"] for part in found["normalizers"]] == ["Replace", "Replace", "NFKC"]
    assert found["normalizers"][0]["pattern"]["Regex"].startswith("[\u0001-\u0008\u000b")
    assert without_nmt({"type": "NFC"}) == {"type": "NFC"}
    digits = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}]}
    plain = with_plain_digits(digits)
    assert plain is not None
    assert plain["pretokenizers"][0]["pattern"] == {"Regex": r"\p{N}"}
