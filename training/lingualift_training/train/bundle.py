"""From a run's folder to a bundle: which parts were trained, which stayed, and the prompts they were trained on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import transformers
from safetensors.torch import load_file

from ..export.build import build_bundle
from ..export.options import ExportOptions
from ..model.connector import Connector
from ..model.loading import load_llm, load_tokenizer, resolve
from ..model.merge import Merge
from ..progress import Progress
from .provenance import earlier_stages, figures
from .settings import Settings, SettingsError
from .setup import assemble
from .stages import ADAPTER_FOLDER, RESULT_NAME, fingerprint, save_result, versions
from .trainer import COMPLETE_NAME, TRAINED_NAME

TEMPLATES = Path(__file__).resolve().parents[1] / "export" / "templates.json"
EXPORTED_STAGES = ("warmstart", "stage1", "stage2", "baseline")


def templates() -> dict[str, dict[str, str]]:
    """Texts of the prompt templates that a bundle can name, with ``{question}`` where the question stands."""
    return json.loads(TEMPLATES.read_text(encoding="utf-8"))


def matching_template(settings: Settings, order: list[str]) -> str:
    """The prompt template of a bundle whose texts are those that the run was trained on.

    Args:
        order: the merge order; only the texts that it uses are compared.

    Raises:
        SettingsError: there is none, and ``export.template`` names none.
    """
    known = templates()
    if settings.export.template != "auto":
        return settings.export.template
    mine = dataclasses.asdict(settings.prompts)
    used = [name for name in ("instruction", "text") if name in order]
    if "enc" in order:
        used.append("encoder")
    for name, texts in known.items():
        if all(texts[part] == mine[part] for part in used):
            return name
    raise SettingsError(
        "no prompt template of a bundle gives the texts that this run is trained on "
        f"({', '.join(f'prompts.{part}' for part in used)}); name one in export.template: {', '.join(known)}"
    )


def checkpoint_result(settings: Settings, step: int) -> Path:
    """Writes what a checkpoint holds as the stage would at its end; returns the folder ``checkpoint-STEP/result``.

    Raises:
        SettingsError: the run has no complete checkpoint of that step.
    """
    folder = Path(settings.output) / f"checkpoint-{step}"
    if not (folder / COMPLETE_NAME).is_file():
        raise SettingsError(f"{settings.output} has no complete checkpoint of step {step}")
    assembled = assemble(settings)
    assembled.model.load_state_dict(load_file(folder / TRAINED_NAME), strict=False)
    target = folder / "result"
    target.mkdir(exist_ok=True)
    save_result(dataclasses.replace(settings, output=str(target)), assembled)
    return target


def _finished(settings: Settings) -> Path:
    folder = Path(settings.output)
    path = folder / RESULT_NAME
    if not path.is_file():
        raise SettingsError(
            f"{folder} holds no finished run: run {settings.stage} first, or export one of its checkpoints"
        )
    if json.loads(path.read_text(encoding="utf-8")).get("fingerprint") != fingerprint(settings):
        raise SettingsError(f"{folder} holds a run with other settings than this file; run {settings.stage} again")
    return folder


def _language_model(settings: Settings, result: Path) -> tuple[str, Path | None, str]:
    """Folder or hub id of the language model, an adapter to merge into it, and what was trained of it."""
    if (result / "llm" / "config.json").is_file():
        return str(result / "llm"), None, "full"
    trained = result / ADAPTER_FOLDER
    adapter = trained if (trained / "adapter_config.json").is_file() else None
    earlier = settings.model.adapter
    if earlier is None:
        return resolve(settings.model.llm), adapter, "lora" if adapter else "none"
    if adapter is None:
        return resolve(settings.model.llm), Path(earlier), "lora"
    # Two adapters: the first is merged beforehand, as it was for the training of the second.
    from peft import PeftModel

    merged = result / "llm-merged"
    PeftModel.from_pretrained(load_llm(settings.model.llm), earlier).merge_and_unload().save_pretrained(merged)
    load_tokenizer(settings.model.llm).save_pretrained(merged)
    return str(merged), adapter, "lora"


def export_options(settings: Settings, result: Path, out: Path) -> ExportOptions:
    """What the exporter is asked for, from a run's settings and the folder of its result."""
    if settings.merge.mode == "placeholder":
        raise SettingsError("a bundle has no merge mode 'placeholder'; train with 'replace' or 'concat' to export")
    text = settings.stage == "baseline" or settings.merge.mode == "none"
    lm, adapter, delta = _language_model(settings, result)
    options = ExportOptions(
        out=out,
        lm=lm,
        adapter=adapter,
        delta=delta,
        precisions=list(settings.export.precisions),
        name=settings.export.name,
        max_new_tokens=settings.export.max_new_tokens,
        stop=list(settings.export.stop),
        license=settings.export.license,
        stages=[
            *earlier_stages(settings),
            {
                "name": settings.stage,
                "fingerprint": fingerprint(settings),
                "versions": versions(),
                **_figures(result),
            },
        ],
    )
    if text:
        # As the stage composes it: a baseline has no token in front of its text unless its own merge order says so.
        order = list(Merge("none", tuple(settings.merge.order)).order) if settings.merge.mode == "none" else ["text"]
        options.method, options.order = "text", [e for e in order if e != "instruction" or settings.prompts.instruction]
        options.prompt_template = matching_template(settings, options.order)
        return options
    trained = (result / "connector.safetensors").is_file()
    connector = result if trained else Path(settings.model.connector or "")
    if not trained and not settings.model.connector:
        raise SettingsError("model.connector is missing: the run trained no alignment layer and names none")
    options.encoder = (
        str(result / "encoder") if (result / "encoder").is_dir() else resolve(settings.model.encoder or "")
    )
    options.connector = connector
    options.merge = settings.merge.mode
    config = Connector.load(connector).config
    absent = {name for name, there in (("start", config.has_start), ("end", config.has_end)) if not there}
    own = Merge(settings.merge.mode, tuple(settings.merge.order)).order
    options.order = [element for element in own if element not in absent]
    positions = getattr(transformers.AutoConfig.from_pretrained(options.encoder), "max_position_embeddings", None)
    longest = settings.optim.max_encoder_tokens
    options.max_length_encoder = min(longest, positions) if positions else longest
    reading = settings.encoder_text
    options.encoder_text = {
        "textPrefix": reading.prefix,
        "normalise": {"digits": reading.digits, "spaceDigits": reading.space_digits},
    }
    options.prompt_template = matching_template(settings, options.order)
    return options


def _figures(result: Path) -> dict[str, Any]:
    """Steps and losses of the run; a checkpoint has none of the end."""
    try:
        return figures(json.loads((result / RESULT_NAME).read_text(encoding="utf-8")))
    except OSError:
        return {}


def run_export(
    settings: Settings, out: str | None = None, checkpoint: int | None = None, as_json: bool = False
) -> Path:
    """Makes the bundle of a finished run, or of one of its checkpoints; returns the bundle's folder.

    Raises:
        SettingsError: the run is not finished, or its settings cannot be said in a bundle.
        ExportError: the exporter refuses the parts.
    """
    if settings.stage not in EXPORTED_STAGES:
        raise SettingsError(
            f"a {settings.stage} run has nothing to export; export one of: {', '.join(EXPORTED_STAGES)}"
        )
    result = checkpoint_result(settings, checkpoint) if checkpoint is not None else _finished(settings)
    named = out or settings.export.bundle
    target = Path(named) if named else result / "bundle"
    return build_bundle(export_options(settings, result, target), Progress(as_json=as_json))
