"""Which runs a model comes from: the run itself and the runs whose results it started from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .settings import Settings
from .stages import RESULT_NAME, SETTINGS_NAME

FIGURES = ("steps", "train_loss", "held_out_loss", "held_out_nearest_token")


def figures(result: dict[str, Any]) -> dict[str, Any]:
    """Steps and losses of a ``result.json``, for a bundle's provenance."""
    return {name: result[name] for name in FIGURES if result.get(name) is not None}


def _sources(model: dict[str, Any], lora: dict[str, Any] | None) -> list[Path]:
    """Folders that a run takes trained parts from; an adapter lies one folder below its run's."""
    named = [model.get("connector"), model.get("adapter"), (lora or {}).get("start"), model.get("llm")]
    folders = [Path(name) for name in named if name]
    return [f for folder in folders for f in (folder, folder.parent) if (f / RESULT_NAME).is_file()]


def _stages(folder: Path, seen: set[str]) -> list[dict[str, Any]]:
    try:
        result = json.loads((folder / RESULT_NAME).read_text(encoding="utf-8"))
        marker = json.loads((folder / SETTINGS_NAME).read_text(encoding="utf-8"))
        settings, mine = marker["settings"], str(result["fingerprint"])
        stage, sources = str(settings["stage"]), _sources(settings["model"], settings["lora"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    if mine in seen or mine != marker.get("fingerprint"):
        return []
    seen.add(mine)
    before = [entry for source in sources for entry in _stages(source, seen)]
    own = {"name": stage, "fingerprint": mine, "versions": result.get("versions", {}), **figures(result)}
    return [*before, own]


def earlier_stages(settings: Settings) -> list[dict[str, Any]]:
    """The runs that a run started from, the first one first: name, fingerprint, versions, steps and losses of each.

    Followed through ``model.connector``, ``model.adapter``, ``model.llm`` and ``lora.start`` as long as those folders
    still hold what their runs wrote. A part whose run is not there is left out; its weights are named by their hash in
    the bundle's provenance all the same.
    """
    lora = {"start": settings.lora.start} if settings.lora is not None else None
    model = {name: getattr(settings.model, name) for name in ("connector", "adapter", "llm")}
    seen: set[str] = set()
    return [entry for source in _sources(model, lora) for entry in _stages(source, seen)]
