"""Where a model comes from: a local folder, or a hub id that is brought into the local cache first."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lingualift_training.export.errors import ExportError

BASE_NOTE = "lingualift-base.json"
"""Written beside weights that a package brought: package, version, sha256 of the file inside, licence."""

PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
HASHED = {".json", ".safetensors", ".model", ".txt", ".jinja", ".bin"}


@dataclass(frozen=True)
class Source:
    """A model on disk, with the name the user gave and a fingerprint of its files."""

    name: str
    folder: Path
    sha256: str

    def provenance(self) -> dict[str, Any]:
        """What the manifest says about it."""
        note: dict[str, Any] = {"source": self.name, "sha256": self.sha256}
        path = self.folder / BASE_NOTE
        if path.is_file():
            note |= json.loads(path.read_text(encoding="utf-8"))
        return note


def resolve(name: str) -> Source:
    """Find a model folder; a name that is no folder is taken for a hub id and downloaded.

    Raises :class:`ExportError` when neither works.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
            raise ExportError(f"there is no folder {name}; give a model folder or a hub id such as owner/name")
        folder = _download(name)
    if not (folder / "config.json").is_file():
        raise ExportError(f"{name} holds no config.json: it is not a Hugging Face model folder")
    return Source(_public_name(name), folder, fingerprint(folder))


def _public_name(name: str) -> str:
    """A local path is named by its last part only: a bundle should not tell where its author keeps things."""
    path = Path(name).expanduser()
    return path.resolve().name if path.is_dir() else name


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=PATTERNS))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ExportError(f"there is no folder {name}, and as a hub id it cannot be fetched: {reason}") from error


def fingerprint(folder: Path) -> str:
    """SHA-256 over names and contents of the model files of a folder.

    Base weights are known by their note: it holds the hash of the file they were made from.
    """
    note = folder / BASE_NOTE
    if note.is_file():
        return file_sha256(note)
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in HASHED):
        total.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode())
    return total.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    total = hashlib.sha256()
    with path.open("rb") as handle:
        while part := handle.read(1 << 20):
            total.update(part)
    return total.hexdigest()
