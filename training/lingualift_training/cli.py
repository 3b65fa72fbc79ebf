"""Command line of the training package: ``lingualift-train`` or ``python -m lingualift_training``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

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
        description="Two-stage training of LinguaLIFT models: a frozen multilingual encoder is aligned with an English "
        "language model. Each command reads one YAML file; configs/schema.json describes its settings.",
        epilog="Order: lexicon, warmstart, stage1, stage2. A stage that was interrupted continues when the same command "
        "is given again. Several processes: torchrun --nproc-per-node N -m lingualift_training stage1 run.yaml",
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
    from .train import stages, tasks
    from .train.trainer import TrainingFailure

    try:
        settings = load_settings(options.config)
        if options.output:
            settings = dataclasses.replace(settings, output=options.output)
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


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
