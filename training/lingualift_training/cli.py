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
    preview = commands.add_parser(
        "preview",
        help="Code-switched rows as JSON: replaced words, coverage per language.",
        description="Prints one JSON object with code-switched rows of a run, cut at the replaced words, and the "
        "coverage of each lexicon. Nothing is written.",
    )
    preview.add_argument("config", help="YAML file of a run with lexicons and data")
    preview.add_argument("--rows", type=int, default=20, help="number of rows (default: 20)")
    preview.add_argument("--seed", type=int, help="seed of the draw, instead of the run's")
    preview.add_argument("--output", help=argparse.SUPPRESS)
    export = commands.add_parser(
        "export",
        help="Make the bundle of a finished run, or of one of its checkpoints.",
        description="Merges what a run trained with the parts it left alone, writes the graphs in each precision, "
        "tests them against PyTorch and writes the fingerprint and the training provenance. Section 'export' of the "
        "YAML file says name, precisions and prompt template.",
    )
    export.add_argument("config", help="YAML file of the run")
    export.add_argument("--output", help="folder of the run, instead of the one in the file")
    export.add_argument("--bundle", help="folder of the bundle, instead of export.bundle")
    export.add_argument("--checkpoint", type=int, metavar="STEP", help="export this checkpoint, not the result")
    export.add_argument("--json-progress", action="store_true", help="progress as JSON lines on standard output")
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
    """Runs one command.

    Returns:
        The exit status: 0; 2 after an error the user can mend, printed as one line ``file:line: error: message``; 130
        when a signal stopped it.
    """
    options = parser().parse_args(arguments)
    # Imported late, so that --help answers at once.
    from .data.leakage import LeakageError
    from .export.errors import ExportError
    from .train.interrupt import Interrupted
    from .train.report import MEMORY_ADVICE, error_line, is_out_of_memory
    from .train.settings import SettingsError, json_schema
    from .train.trainer import TrainingFailure

    def fail(error: BaseException | str, setting: str = "") -> int:
        print(error_line(options.config, error, setting), file=sys.stderr, flush=True)
        return 2

    if options.command == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    if options.command == "study":
        return _study(options)
    try:
        return _run(options)
    except Interrupted as stopped:
        print(str(stopped), file=sys.stderr, flush=True)
        return 130
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the newest checkpoint, if there is one", file=sys.stderr)
        return 130
    except LeakageError as error:
        return fail(error, "leakage")
    except TrainingFailure as error:
        return fail(error, error.setting)
    except FileNotFoundError as error:
        return fail(f"there is no file {error.filename}" if error.filename else error)
    except UnicodeDecodeError as error:
        return fail(f"a file is not UTF-8 text: {error}", "data")
    except (SettingsError, ExportError, ValueError) as error:
        return fail(error)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return fail(f"out of memory: {error or 'the process got no more'}; {MEMORY_ADVICE}", "optim.batch_size")


def _run(options: argparse.Namespace) -> int:
    import dataclasses

    from .train import stages, tasks
    from .train.interrupt import StopSignals, running
    from .train.settings import SettingsError, load_settings

    settings = load_settings(options.config)
    if options.output:
        settings = dataclasses.replace(settings, output=options.output)
    if options.command == "probe":
        _probe(settings, options)
        return 0
    if options.command == "preview":
        _log(json.dumps(tasks.switched_preview(settings, options.rows, options.seed), ensure_ascii=False))
        return 0
    if options.command == "export":
        from .train.bundle import run_export

        with StopSignals().installed():
            bundle = run_export(settings, options.bundle, options.checkpoint, options.json_progress)
        if not options.json_progress:
            _log(f"done: {bundle}")
        return 0
    if options.command == "dry-run" or options.dry_run:
        tasks.run_dry(settings, _log)
        return 0
    if settings.stage != options.command:
        raise SettingsError(f"{options.config} describes a {settings.stage!r} run, not {options.command!r}")
    with running(settings.output, options.config):
        if settings.stage in ("stage1", "stage2", "baseline"):
            result = stages.run_stage(settings, cast(bool, options.restart))
        else:
            work = {"lexicon": tasks.run_lexicon, "codeswitch": tasks.run_codeswitch, "warmstart": tasks.run_warmstart}
            with StopSignals().installed():
                result = work[settings.stage](settings, _log)
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
