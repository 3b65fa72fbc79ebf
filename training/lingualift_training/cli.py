"""Command line of the training package: ``lingualift-train`` or ``python -m lingualift_training``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .train.settings import Settings

STAGES = {
    "lexicon": "Induce bilingual lexicons without a dictionary and write one file per language.",
    "codeswitch": "Write a code-switched corpus (LLaMA-Factory alpaca JSON) from English text and lexicons.",
    "warmstart": "Fit the alignment layer to the LLM's token embeddings, word by word; minutes, without the LLM.",
    "stage1": "Stage I: train the alignment layer to restore English from code-switched sentences.",
    "stage2": "Stage II: train the LLM (whole or LoRA) on English task data through the frozen alignment layer.",
    "baseline": "Train the same LLM on the same English data as text, without an encoder.",
}


def parser() -> argparse.ArgumentParser:
    """The argument parser; ``--help`` of every command explains it."""
    top = argparse.ArgumentParser(
        prog="lingualift-train",
        description="Two-stage training of LinguaLIFT models: a frozen multilingual encoder is aligned with an "
        "English language model. Each command reads one YAML file; configs/schema.json describes its settings.",
        epilog="Order: lexicon, warmstart, stage1, stage2. A stage that was interrupted continues when the same "
        "command is given again. Several processes: torchrun --nproc-per-node N -m lingualift_training stage1 run.yaml",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in STAGES.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("config", help="YAML file of the run")
        command.add_argument("--output", help="folder of the run, instead of the one in the file")
        if name in ("stage1", "stage2", "baseline"):
            command.add_argument("--restart", action="store_true", help="ignore checkpoints in the output folder")
        command.add_argument("--dry-run", action="store_true", help="print estimates and ten rows; train nothing")
    dry = commands.add_parser("dry-run", help="Print estimates and ten rows of any run; train nothing.")
    dry.add_argument("config", help="YAML file of the run")
    dry.add_argument("--output", help=argparse.SUPPRESS)
    probe = commands.add_parser(
        "probe",
        help="Share of one-step problems whose operation the model prefers, per language (MSVAMP).",
        description="Compares the likelihoods of a + b, a - b, a * b, a / b after the prompt of a run's model, on "
        "MSVAMP problems balanced over the operations; choosing at random gives 0.25.",
    )
    probe.add_argument("config", help="YAML file of a stage2 or baseline run; model.adapter names the trained adapter")
    probe.add_argument("--msvamp", required=True, type=Path, help="folder with test_English.json, test_Spanish.json, …")
    probe.add_argument("--languages", default="English,Spanish,Chinese,Swahili", help="names as in the files")
    probe.add_argument("--per-operation", type=int, default=25, help="problems of each operation")
    probe.add_argument("--adapter", help="folder of a LoRA adapter, instead of model.adapter")
    probe.add_argument("--connector", help="folder of an alignment layer, instead of model.connector")
    probe.add_argument("--output", help=argparse.SUPPRESS)
    study = commands.add_parser(
        "study",
        help="Rows of a table of results: operation choice and the evaluator's accuracy, with intervals and floors.",
        description="Computes what a study's YAML file asks for and is not there yet, and prints the table.",
    )
    study.add_argument("config", help="YAML file of the study")
    study.add_argument("--row", action="append", default=[], help="compute this row only; can be given several times")
    study.add_argument("--table", action="store_true", help="compute nothing; print the table of what is there")
    schema = commands.add_parser("schema", help="Print the JSON schema of the YAML files.")
    schema.set_defaults(config=None)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, or 2 after an error the user can mend (printed on one line)."""
    options = parser().parse_args(arguments)
    # Imported late, so that --help answers at once.
    import dataclasses

    from .data.leakage import LeakageError
    from .train.settings import SettingsError, json_schema, load_settings

    if options.command == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    if options.command == "study":
        return _study(options)
    from .train import stages, tasks
    from .train.trainer import TrainingFailure

    try:
        settings = load_settings(options.config)
        if options.output:
            settings = dataclasses.replace(settings, output=options.output)
        if options.command == "probe":
            _probe(settings, options)
            return 0
        if options.command == "dry-run" or options.dry_run:
            tasks.run_dry(settings, _log)
            return 0
        if settings.stage != options.command:
            raise SettingsError(f"{options.config} describes a {settings.stage!r} run, not {options.command!r}")
        if settings.stage == "lexicon":
            result = tasks.run_lexicon(settings, _log)
        elif settings.stage == "codeswitch":
            result = tasks.run_codeswitch(settings, _log)
        elif settings.stage == "warmstart":
            result = tasks.run_warmstart(settings, _log)
        else:
            result = stages.run_stage(settings, cast(bool, options.restart))
    except (SettingsError, LeakageError, TrainingFailure, ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if "out of memory" not in str(error).lower():
            raise
        print(
            f"error: out of memory: {error}. Lower optim.batch_size (and raise optim.accumulation), or set "
            "optim.gradient_checkpointing",
            file=sys.stderr,
        )
        return 2
    _log(f"done: {Path(settings.output) / stages.RESULT_NAME} {json.dumps(result.get('files', []))}")
    return 0


def _study(options: argparse.Namespace) -> int:
    from .study import run_study
    from .train.settings import SettingsError

    try:
        print(run_study(options.config, options.row, options.table, _log))
    except (SettingsError, ValueError, FileNotFoundError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _probe(settings: Settings, options: argparse.Namespace) -> None:
    import dataclasses

    import torch

    from .train.probe import balanced_choices, operation_choice
    from .train.setup import assemble

    model = settings.model
    model = dataclasses.replace(
        model, adapter=options.adapter or model.adapter, connector=options.connector or model.connector
    )
    if settings.optim.threads:
        torch.set_num_threads(settings.optim.threads)
    assembled = assemble(dataclasses.replace(settings, model=model, lora=None))
    choices = balanced_choices(options.msvamp / "test_English.json", options.per_operation, settings.seed)
    for language in options.languages.split(","):
        lines = (options.msvamp / f"test_{language}.json").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(lines[choice.row])["m_query"] for choice in choices]
        found = operation_choice(assembled, questions, choices)
        _log(json.dumps({"language": language, **{k: v for k, v in found.items() if k != "hits"}}))


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
