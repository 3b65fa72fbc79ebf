"""``python -m lingualift_training.demo``: make the demo bundles from their recipes and the base weights.

A recipe is a folder of ``models/demo`` with ``recipe.yaml`` and, where something was trained, the alignment layer and
the LoRA adapter. A bundle that is there and was made from the same inputs is left alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from lingualift_training.base import BaseError, fetch
from lingualift_training.base.models import cache_folder
from lingualift_training.export import ExportError, ExportOptions, build_bundle
from lingualift_training.progress import Progress

FORMAT = "lingualift-recipe/1"
RECIPES = Path(__file__).resolve().parents[2] / "models" / "demo"
PRECISIONS = ["fp32", "int8"]


def recipe_names(folder: Path = RECIPES) -> list[str]:
    """The demo bundles there are recipes for."""
    return sorted(path.parent.name for path in folder.glob("*/recipe.yaml"))


def read_recipe(name: str, folder: Path = RECIPES) -> dict[str, Any]:
    """A recipe as a dictionary. Raises :class:`ExportError` when there is none, or when it is of another format."""
    path = folder / name / "recipe.yaml"
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(recipe_names(folder)) or "none"
        raise ExportError(f"there is no recipe for {name!r} in {folder} (there are: {known})") from error
    except yaml.YAMLError as error:
        raise ExportError(f"{path} is not YAML: {error}") from error
    if not isinstance(recipe, dict) or recipe.get("format") != FORMAT:
        raise ExportError(f"{path} is not a recipe of format {FORMAT}")
    return recipe


def export_options(recipe: dict[str, Any], folder: Path, out: Path, bases: dict[str, Path]) -> ExportOptions:
    """What to export for a recipe in ``folder``; ``bases`` maps names of base models to their folders."""
    encoder, lm = recipe.get("encoder"), recipe["lm"]
    merge, prompts = recipe.get("merge") or {}, recipe.get("prompts") or {}
    generation = recipe.get("generation") or {}
    adapter = lm.get("adapter")
    options = ExportOptions(
        out=out,
        lm=str(bases[lm["base"]]),
        adapter=(folder / adapter).resolve() if adapter else None,
        method=recipe["method"],
        merge=merge.get("mode"),
        order=merge.get("order"),
        precisions=list(recipe.get("precisions") or PRECISIONS),
        prompt_template=prompts.get("template", "plain"),
        chat=prompts.get("chat"),
        name=recipe.get("name", folder.name),
        max_new_tokens=int(generation.get("maxNewTokens", 256)),
        stop=list(generation.get("stop") or []),
        stages=list(recipe.get("stages") or []),
        license=str(recipe.get("license", "")),
    )
    if encoder:
        options.encoder = str(bases[encoder["base"]])
        options.connector = (folder / recipe["connector"]).resolve()
        options.max_length_encoder = encoder.get("maxLength")
        options.encoder_text = {key: encoder[key] for key in ("textPrefix", "normalise") if key in encoder}
    return options


def base_names(recipe: dict[str, Any]) -> list[str]:
    """The base models a recipe needs."""
    return [part["base"] for part in (recipe.get("encoder"), recipe["lm"]) if part]


def make(name: str, out: Path, progress: Progress, recipes: Path = RECIPES) -> Path:
    """Make the demo bundle ``name`` in ``out/name`` and return that folder."""
    recipe = read_recipe(name, recipes)
    needed = base_names(recipe)
    folders = fetch(needed, progress=Progress(as_json=progress.as_json, silent=progress.silent))
    options = export_options(recipe, recipes / name, out / name, dict(zip(needed, folders, strict=True)))
    return build_bundle(options, progress)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status: 0 done, 1 refused, 130 interrupted (it can be resumed)."""
    parser = argparse.ArgumentParser(prog="python -m lingualift_training.demo", description=__doc__)
    parser.add_argument("--bundle", default="all", help="name of a recipe, or all")
    parser.add_argument("--out", type=Path, help="folder that holds the bundles; the cache by default")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help="folder that holds the recipes")
    parser.add_argument("--json-progress", action="store_true", help="progress as JSON lines on standard output")
    given = parser.parse_args(arguments)
    out = given.out or cache_folder() / "bundles"
    names = recipe_names(given.recipes) if given.bundle == "all" else [given.bundle]
    try:
        for name in names:
            folder = make(name, out, Progress(as_json=given.json_progress), given.recipes)
            if not given.json_progress:
                print(folder)
    except (ExportError, BaseError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
