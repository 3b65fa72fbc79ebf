"""A bundle's language model as a Hugging Face folder: bit for bit the model that was exported."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_export_decoder import LLAMA3, MODELS

from lingualift_training.export.assemble import write_decoder_folder
from lingualift_training.export.checkpoint import load_causal_lm, read_decoder
from lingualift_training.export.errors import ExportError
from lingualift_training.export.sources import file_sha256
from lingualift_training.progress import Progress
from lingualift_training.serve import BundleWeights, ServeOptions, export_vllm
from lingualift_training.serve.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "models" / "tiny"
QUIET = Progress(silent=True)


def bundle_of(model: Any, folder: Path, name: str = "made") -> Path:
    """The fp32 decoder of a model, with as much of a manifest as the export reads."""
    decoder = read_decoder(model)
    spec = decoder.spec
    write_decoder_folder(decoder, "fp32", folder / "fp32", 0)
    lm = {
        "modelType": spec.model_type, "hidden": spec.hidden, "layers": spec.layers, "heads": spec.heads,
        "kvHeads": spec.kv_heads, "headDim": spec.head_dim, "vocab": spec.vocab, "maxPositions": spec.max_positions,
        "bosId": 1, "eosIds": [2], "padId": 0, "tiedEmbeddings": spec.tied,
    }  # fmt: skip
    files = [
        {"path": p.relative_to(folder).as_posix(), "bytes": p.stat().st_size, "sha256": file_sha256(p)}
        for p in sorted((folder / "fp32").iterdir())
    ]
    manifest = {
        "format": "lift-bundle/1",
        "name": name,
        "parts": {"lm": lm, "encoder": None},
        "precisions": {"fp32": {}},
        "files": files,
    }
    (folder / "lift.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def varied(name: str) -> Any:
    """A model whose norms and biases are not all ones and zeros, so that a mix-up shows."""
    torch.manual_seed(3)
    model = MODELS[name]().eval()
    # As the export loads it; another kernel would round otherwise.
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.rand_like(parameter) * 0.3)
    return model


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_weight_comes_back_and_the_model_computes_the_same(name: str, tmp_path: Path) -> None:
    model = varied(name)
    bundle = bundle_of(model, tmp_path / "bundle")
    scaled = (getattr(model.config, "rope_parameters", None) or {}).get("rope_type", "default") in ("llama3", "yarn")
    given = None
    if scaled:
        with pytest.raises(ExportError, match=r"give the config\.json of the original checkpoint with --config"):
            export_vllm(ServeOptions(bundle, tmp_path / "refused"), QUIET)
        assert not (tmp_path / "refused").exists()
        model.config.save_pretrained(tmp_path / "original")
        given = tmp_path / "original"
    export_vllm(ServeOptions(bundle, tmp_path / "out", config=given), QUIET)
    back = load_causal_lm(tmp_path / "out")
    want, got = model.state_dict(), back.state_dict()
    assert set(want) == set(got)
    for key, tensor in want.items():
        assert torch.equal(tensor, got[key]), key
    ids = torch.arange(3, 90)[None] % model.config.vocab_size
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, back(input_ids=ids).logits)


def test_the_tiny_bundle_gives_its_self_test(tmp_path: Path) -> None:
    note = export_vllm(ServeOptions(TINY, tmp_path / "out"), QUIET)
    manifest = json.loads((TINY / "lift.json").read_text(encoding="utf-8"))
    model = load_causal_lm(tmp_path / "out")
    soft = [p for p in manifest["selfTest"]["prompts"] if min(p["inputIds"]) < 0]
    assert soft, "the prompts have soft rows"
    text = json.loads((ROOT / "models" / "tiny-text" / "lift.json").read_text(encoding="utf-8"))
    for prompt in text["selfTest"]["prompts"]:
        with torch.no_grad():
            ids = torch.tensor([prompt["inputIds"]])
            made = model.generate(input_ids=ids, max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=2)
        assert made[0, ids.shape[1] :].tolist() == prompt["ids"]
    assert note["servedName"] == f"tiny-{note['fingerprint'][:12]}-float32"
    assert note["command"][:3] == ["vllm", "serve", str(tmp_path / "out")]
    assert "--enable-prompt-embeds" in note["command"] and note["rounded"] == 0
    held = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "lingualift-serve.json"} <= held


def test_a_reduced_type_says_how_many_weights_it_rounded(tmp_path: Path) -> None:
    note = export_vllm(ServeOptions(TINY, tmp_path / "out", dtype="bfloat16"), QUIET)
    weights = BundleWeights(TINY)
    arrays = [array for _, array in [*weights.ends(), *weights.layer(0), *weights.layer(1)]]
    exact = [torch.from_numpy(np.array(array)) for array in arrays]
    changed = sum(int((tensor.bfloat16().float() != tensor).sum()) for tensor in exact)
    assert 0 < note["rounded"] == changed <= sum(tensor.numel() for tensor in exact)


def test_the_same_export_again_is_left_alone_and_other_folders_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_vllm(ServeOptions(TINY, out), QUIET)
    before = (out / "model.safetensors").stat().st_mtime_ns
    again = export_vllm(ServeOptions(TINY, out), QUIET)
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    assert again["rounded"] == 0
    export_vllm(ServeOptions(TINY, out, max_model_len=128), QUIET)
    assert json.loads((out / "lingualift-serve.json").read_text(encoding="utf-8"))["maxModelLen"] == 128
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="was not written by this command"):
        export_vllm(ServeOptions(TINY, own), QUIET)
    assert (own / "thesis.txt").exists()


def test_refusals_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExportError, match=r"is no bundle: lift\.json cannot be read"):
        export_vllm(ServeOptions(tmp_path, tmp_path / "x"), QUIET)
    with pytest.raises(ExportError, match="outside 1 to 1024"):
        export_vllm(ServeOptions(TINY, tmp_path / "x", max_model_len=5000), QUIET)
    config = {"model_type": "llama", "hidden_size": 999}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ExportError, match="hidden_size is 999, the bundle has 32"):
        export_vllm(ServeOptions(TINY, tmp_path / "x", config=tmp_path), QUIET)
    model = varied("llama")
    bundle = bundle_of(model, tmp_path / "bundle")
    model.config.rope_parameters = LLAMA3
    model.config.save_pretrained(tmp_path / "other")
    with pytest.raises(ExportError, match="other rotary positions than the bundle"):
        export_vllm(ServeOptions(bundle, tmp_path / "x", config=tmp_path / "other"), QUIET)
    manifest = json.loads((bundle / "lift.json").read_text(encoding="utf-8")) | {"precisions": {"int8": {}}}
    (bundle / "lift.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["--bundle", str(bundle), "--out", str(tmp_path / "x")]) == 1
    assert "has no fp32 graphs" in capsys.readouterr().err
