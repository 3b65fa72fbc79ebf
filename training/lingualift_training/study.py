# ruff: noqa: RUF009
"""``lingualift-train study``: the rows of a table of results, from one YAML file.

A row is a model. Its choice of operation is probed with PyTorch (:mod:`.train.probe`); its answers are generated and
scored by the project's evaluator, and intervals, trivial floors and paired differences are those of its report. What is
there already is not computed again, so the command can be given row by row.
"""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .train.settings import SettingsError, _doc, load_settings, load_yaml

EVALUATOR = Path(__file__).resolve().parents[2] / "scripts" / "cli.mjs"
RESAMPLES = 2000
Log = Callable[[str], None]


@dataclass(frozen=True)
class ProbeRequest:
    """The probe of operation choice, the same for every row."""

    msvamp: str = _doc("Folder with test_English.json and the other languages of MSVAMP.")
    per_operation: int = _doc("Problems of each operation, drawn at random.", 10)
    languages: list[str] = _doc("Languages, as in the file names.", factory=lambda: ["English"])
    seed: int = _doc("Seed of the draw.", 1)


@dataclass(frozen=True)
class BenchmarkRequest:
    """One benchmark of the evaluator."""

    name: str = _doc("Name in the table.")
    path: str = _doc("What the evaluator takes as --benchmark.")
    limit: int = _doc("Problems per language, drawn at random; 0 for all.", 0)
    languages: str = _doc("Languages; all that there are when absent.", "all")
    seed: int = _doc("Seed of the draw.", 1)


@dataclass(frozen=True)
class RowRequest:
    """One model of the table."""

    name: str = _doc("Name in the table.")
    config: str | None = _doc("Training run whose model is probed; no probe when absent.", None)
    adapter: str | None = _doc("LoRA adapter for the probe.", None)
    connector: str | None = _doc("Alignment layer for the probe.", None)
    space_digits: bool | None = _doc("For the probe: a space between digits; the run's when absent.", None)
    languages: list[str] = _doc("Languages of the probe, when not those of the study.", factory=list)
    bundle: str | None = _doc("Bundle that the evaluator asks; no answers when absent.", None)
    max_new_tokens: int = _doc("Most new tokens of an answer; 0: what the bundle says.", 0)
    calculator: list[bool] = _doc("Without calculator, with it, or both.", factory=lambda: [False, True])
    benchmarks: list[str] = _doc("Names of the benchmarks asked; all when empty.", factory=list)
    note: str = _doc("Said below the table.", "")


@dataclass(frozen=True)
class Study:
    """A table of results."""

    output: str = _doc("Folder for probes and runs.")
    against: str = _doc("Row that the others are paired with.")
    probe: ProbeRequest = _doc("Probe of operation choice.")
    benchmarks: list[BenchmarkRequest] = _doc("Benchmarks of the evaluator.")
    rows: list[RowRequest] = _doc("Models.")
    precision: Literal["fp32", "int8"] = _doc("Precision of the evaluator.", "int8")
    threads: int = _doc("CPU threads; 0 leaves the default.", 0)


def load_study(path: str | Path) -> Study:
    """Reads a study; raises :class:`SettingsError` with file and line, or when a row names an unknown benchmark."""
    study = load_yaml(path, Study)
    known = {b.name for b in study.benchmarks}
    for row in study.rows:
        if unknown := set(row.benchmarks) - known:
            raise SettingsError(f"{path}: row {row.name!r} asks for unknown benchmarks: {', '.join(sorted(unknown))}")
    if study.against not in {row.name for row in study.rows}:
        raise SettingsError(f"{path}: 'against' names no row: {study.against!r}")
    return study


def _folder(study: Study, row: RowRequest) -> Path:
    return Path(study.output) / "".join(c if c.isalnum() else "-" for c in row.name)


def run_probe(study: Study, row: RowRequest, log: Log = print) -> dict[str, Any]:
    """Operation choice of a row, kept in ``probe.json`` with the request it answers, language by language."""
    probe = dataclasses.asdict(study.probe)
    del probe["languages"]
    asked = {"probe": probe, "model": [row.config, row.adapter, row.connector, row.space_digits]}
    path = _folder(study, row) / "probe.json"
    results: dict[str, Any] = {"asked": asked, "languages": {}}
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        results = found if found["asked"] == asked else results
    languages = [x for x in row.languages or study.probe.languages if x not in results["languages"]]
    if not languages:
        return results
    import torch

    from .train.probe import balanced_choices, operation_choice
    from .train.setup import assemble

    settings = load_settings(row.config or "")
    model = dataclasses.replace(
        settings.model, adapter=row.adapter, connector=row.connector or settings.model.connector
    )
    text = settings.encoder_text
    if row.space_digits is not None:
        text = dataclasses.replace(text, space_digits=row.space_digits)
    if study.threads:
        torch.set_num_threads(study.threads)
    assembled = assemble(dataclasses.replace(settings, model=model, encoder_text=text, lora=None))
    folder = Path(study.probe.msvamp)
    choices = balanced_choices(folder / "test_English.json", study.probe.per_operation, study.probe.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    for language in languages:
        lines = (folder / f"test_{language}.json").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(lines[choice.row])["m_query"] for choice in choices]
        results["languages"][language] = operation_choice(assembled, questions, choices)
        log(f"{row.name}, {language}: {results['languages'][language]['accuracy']:.3f}")
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


def run_folder(study: Study, row: RowRequest, benchmark: BenchmarkRequest, calculator: bool) -> Path:
    """Where the evaluator keeps a run."""
    return _folder(study, row) / f"{benchmark.name}{'.calculator' if calculator else ''}"


def evaluate_command(study: Study, row: RowRequest, benchmark: BenchmarkRequest, calculator: bool) -> list[str]:
    """The evaluator's command for one run; given again, it goes on where it stopped."""
    words = ["node", str(EVALUATOR), "evaluate", "--bundle", row.bundle or "", "--benchmark", benchmark.path]
    words += ["--precision", study.precision, "--languages", benchmark.languages, "--seed", str(benchmark.seed)]
    words += ["--limit", str(benchmark.limit)] if benchmark.limit else []
    words += ["--max-new-tokens", str(row.max_new_tokens)] if row.max_new_tokens else []
    words += ["--threads", str(study.threads)] if study.threads else []
    words += ["--calculator"] if calculator else []
    return [*words, "--out", str(run_folder(study, row, benchmark, calculator))]


def run_row(study: Study, row: RowRequest, log: Log = print) -> None:
    """Everything of one row that is not there yet. Raises ``RuntimeError`` when the evaluator fails."""
    if row.config is not None:
        run_probe(study, row, log)
    if row.bundle is None:
        return
    for benchmark in study.benchmarks:
        if row.benchmarks and benchmark.name not in row.benchmarks:
            continue
        for calculator in row.calculator:
            command = evaluate_command(study, row, benchmark, calculator)
            log(" ".join(command))
            if subprocess.run(command, check=False).returncode != 0:
                raise RuntimeError(f"the evaluator failed on {row.name}, {benchmark.name}; its message is above")


def _finished(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "state.json").read_text(encoding="utf-8"))["status"] == "finished")
    except (OSError, ValueError, KeyError):
        return False


def report(folders: Sequence[Path]) -> dict[str, Any]:
    """The evaluator's report of runs side by side: intervals, floors, and later runs paired with the first."""
    command = ["node", str(EVALUATOR), "report", *map(str, folders), "--format", "json", "--reference", "none"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def interval_of_mean(hits: Sequence[Sequence[int]], seed: int = 1) -> tuple[float, float, float]:
    """Mean over problems and languages with a 95 % bootstrap interval clustered by problem.

    Args:
        hits: per language, 0 or 1 (or a difference of two) for the same problems in the same order.
    """
    problems = [sum(column) / len(column) for column in zip(*hits, strict=True)]
    rng = random.Random(f"study {seed}")
    n = len(problems)
    means = sorted(sum(rng.choices(problems, k=n)) / n for _ in range(RESAMPLES))
    return sum(problems) / n, means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def _share(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def _estimate(mean: float, low: float, high: float) -> str:
    return f"{_share(mean)} [{_share(low)}, {_share(high)}]"


def probe_table(study: Study, probes: dict[str, dict[str, Any]]) -> list[str]:
    """Operation choice as Markdown: a row a model, a column a language, then the means."""
    columns = study.probe.languages
    lines = [
        f"| operation choice | {' | '.join(columns)} | all but English | difference to {study.against}, paired |",
        "| --- |" + " --- |" * (len(columns) + 2),
    ]
    base = probes.get(study.against)
    for name, found in probes.items():
        by_language = found["languages"]
        cells = [_share(by_language[c]["accuracy"]) if c in by_language else "–" for c in columns]
        others = [c for c in columns if c != "English" and c in by_language]
        mean = _estimate(*interval_of_mean([by_language[c]["hits"] for c in others])) if others else "–"
        paired = [c for c in others if base and c in base["languages"]]
        difference = "–"
        if paired and base and name != study.against:
            pairs = [(by_language[c]["hits"], base["languages"][c]["hits"]) for c in paired]
            difference = _estimate(*interval_of_mean([[a - b for a, b in zip(x, y, strict=True)] for x, y in pairs]))
        note = "" if len(others) == len(columns) - 1 else f" ({len(others)} languages)"
        lines.append(f"| {name} | {' | '.join(cells)} | {mean}{note} | {difference}{note if paired else ''} |")
    return lines


def answer_table(study: Study, benchmark: BenchmarkRequest) -> list[str]:
    """Greedy accuracy on one benchmark as Markdown, rows without and with calculator."""
    lines: list[str] = []
    base_row = next(row for row in study.rows if row.name == study.against)
    for row in study.rows:
        for calculator in row.calculator if row.bundle else []:
            folder = run_folder(study, row, benchmark, calculator)
            if not _finished(folder):
                continue
            base = run_folder(study, base_row, benchmark, calculator)
            paired = base != folder and _finished(base)
            found = report([base, folder] if paired else [folder])
            run = found["runs"][-1]
            overall, languages = run["overall"], run["languages"]
            difference = "–"
            if paired and "result" in found["comparisons"][0]:
                result = found["comparisons"][0]["result"]["overall"]
                difference = _estimate(result["difference"], *result["interval"])
            above = [row["language"] for row in languages if row.get("aboveFloor")]
            higher = [x["language"] for x in languages if x.get("floor") and x["accuracy"] > x["floor"]["share"]]
            each = " ".join(f"{x['language']} {_share(x['accuracy'])}" for x in languages)
            lines.append(
                f"| {row.name}{' + calculator' if calculator else ''} | {run['samples']} | "
                f"{_estimate(overall['mean'], *overall['interval'])} | {difference} | {_share(overall['floor'])} | "
                f"{len(higher)} ({len(above)}) of {len(languages)} | {each} |"
            )
    if not lines:
        return []
    head = f"| {benchmark.name} | n | accuracy | difference to {study.against}, paired | floor | above it | languages |"
    return [head, "| --- |" + " --- |" * 6, *lines]


def table(study: Study) -> str:
    """The tables of everything that is there, and what is not."""
    probes: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for row in study.rows:
        path = _folder(study, row) / "probe.json"
        if row.config is not None and path.is_file():
            probes[row.name] = json.loads(path.read_text(encoding="utf-8"))
        elif row.config is not None:
            missing.append(f"{row.name} (operation choice)")
        for benchmark in study.benchmarks if row.bundle else []:
            if row.benchmarks and benchmark.name not in row.benchmarks:
                continue
            missing += [
                f"{row.name}{' + calculator' if calculator else ''} on {benchmark.name}"
                for calculator in row.calculator
                if not _finished(run_folder(study, row, benchmark, calculator))
            ]
    parts = [probe_table(study, probes)] if probes else []
    parts += [lines for benchmark in study.benchmarks if (lines := answer_table(study, benchmark))]
    text = "\n\n".join("\n".join(lines) for lines in parts)
    notes = [f"- {row.name}: {row.note}" for row in study.rows if row.note]
    if notes:
        text += "\n\n" + "\n".join(notes)
    if missing:
        text += "\n\nNot run: " + "; ".join(missing) + "."
    return text + "\n"


def run_study(path: str | Path, rows: Sequence[str] = (), only_table: bool = False, log: Log = print) -> str:
    """Computes rows of a study and returns the table of all that is there.

    Args:
        path: the YAML file.
        rows: names of rows; all when empty.
        only_table: compute nothing.

    Raises:
        SettingsError: the file is wrong, or a row is unknown.
        RuntimeError: the evaluator failed.
    """
    study = load_study(path)
    if unknown := set(rows) - {row.name for row in study.rows}:
        raise SettingsError(f"{path} has no rows named {', '.join(sorted(unknown))}")
    for row in study.rows:
        if not only_table and (not rows or row.name in rows):
            run_row(study, row, log)
    text = table(study)
    Path(study.output).mkdir(parents=True, exist_ok=True)
    (Path(study.output) / "table.md").write_text(text, encoding="utf-8")
    return text
