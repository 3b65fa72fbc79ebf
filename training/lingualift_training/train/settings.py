# ruff: noqa: RUF009
"""Settings of a training run, read from YAML.

Every field is a dataclass field with a description, so that one definition serves reading, error messages, the JSON
schema (completion in an editor) and the documentation.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union

import yaml

from ..data.examples import CorpusFormat
from ..model.connector import Boundary, ConnectorType
from ..model.merge import Element, MergeMode

T = typing.TypeVar("T")
Stage = Literal["lexicon", "codeswitch", "warmstart", "stage1", "stage2", "baseline"]


def _doc(text: str, default: Any = dataclasses.MISSING, factory: Any = dataclasses.MISSING) -> Any:
    return field(default=default, default_factory=factory, metadata={"doc": text})


@dataclass(frozen=True)
class ModelSettings:
    """The pretrained parts and where training starts."""

    llm: str = _doc("Causal language model: a folder, a hub id, or base:NAME for a fetched base model.", "")
    encoder: str | None = _doc("Multilingual encoder, named likewise; none for a baseline.", None)
    connector: str | None = _doc("Folder of the alignment layer to start from; a new one is drawn when absent.", None)
    connector_type: ConnectorType = _doc("Type of a new alignment layer.", "mlp")
    boundary: Boundary = _doc("Boundary vectors of a new alignment layer.", "both")
    adapter: str | None = _doc("Folder of a LoRA adapter (PEFT) merged into the language model before training.", None)


@dataclass(frozen=True)
class EncoderTextSettings:
    """What is done to a text before the encoder's tokenizer."""

    prefix: str = _doc("Text in front of every encoder input.", "")
    digits: Literal["ascii", "keep"] = _doc("Digits of other scripts become ASCII digits, or are kept.", "ascii")
    space_digits: bool = _doc("Put a space between neighbouring digits.", True)


@dataclass(frozen=True)
class MergeSettings:
    """How soft prefix and text become one sequence."""

    mode: MergeMode = _doc("Merge mode.", "replace")
    order: list[Element] = _doc("Elements in sequence; the mode's own order when empty.", factory=list)
    placeholder: str | None = _doc("Token that the soft prefix replaces (mode placeholder).", None)


@dataclass(frozen=True)
class PromptSettings:
    """Texts of one example. ``{question}`` and ``{answer}`` are filled in."""

    encoder: str = _doc("Text for the encoder.", "{question}")
    instruction: str = _doc("Merge element 'instruction'.", "")
    text: str = _doc("Merge element 'text'.", "Question: {question}\nAnswer:")
    target: str = _doc("What the model learns to write; the end-of-sequence token follows.", " {answer}")


@dataclass(frozen=True)
class DataSource:
    """One English corpus."""

    format: CorpusFormat = _doc("Format of the file.")
    path: str = _doc("The file; for the generator, COUNT, COUNT:SEED or COUNT:SEED:rich.")
    short: bool = _doc("Reduce GSM8K answers to their calculations.", False)
    sentences: bool = _doc("Use the question's sentences as rows instead of question and answer (Stage I).", False)
    limit: int = _doc("Use at most this many rows; 0 for all.", 0)
    longest: int = _doc("Leave out rows whose question has more characters; 0 for no limit.", 0)


@dataclass(frozen=True)
class LexiconSource:
    """One bilingual lexicon for code-switching."""

    language: str = _doc("Language code.")
    path: str = _doc("Two-column or MUSE file: English word, translation, optional score.")
    reverse: bool = _doc("The file lists the other language first.", False)
    max_translations: int = _doc("Keep the first n translations of a word; 0 for all.", 0)
    min_score: float = _doc("Leave out entries with a lower score.", -10.0)


@dataclass(frozen=True)
class CodeSwitchSettings:
    """How English sentences are mixed with other languages."""

    ratio: list[float] = _doc(
        "Probability of replacing a word: one number, or lowest and highest.", factory=lambda: [0.4]
    )
    languages_per_sentence: Literal["one", "mixed"] = _doc("One language per sentence or one per word.", "one")
    keep: Literal["function", "articles", "none"] = _doc("Words never replaced.", "function")
    omit_articles: bool = _doc("Drop articles instead of keeping them.", False)
    english_share: float = _doc("Share of sentences left English.", 0.0)
    max_translations: int = _doc("Draw among the n best translations.", 1)
    draws: int = _doc("Draws per sentence.", 1)


@dataclass(frozen=True)
class InduceSettings:
    """Lexicon induction without a dictionary."""

    languages: list[str] = _doc("Languages to induce.", factory=list)
    english_words: int = _doc("English words taken from the corpora, most frequent first.", 4000)
    target_words: int = _doc("Words taken of each language, most frequent first.", 8000)
    text_files: dict[str, list[str]] = _doc("Text files per language, used instead of a ready word list.", factory=dict)
    vectors: dict[str, str] = _doc(
        "fastText .vec file per language ('en' included), used instead of the encoder's vectors.", factory=dict
    )
    mutual: bool = _doc("Keep only mutual nearest neighbours.", True)
    reference: dict[str, str] = _doc("Reference dictionary per language, for the precision report.", factory=dict)


@dataclass(frozen=True)
class WarmStartSettings:
    """Regression of encoder states onto token embeddings."""

    epochs: int = _doc("Passes over the pairs.", 6)
    batch: int = _doc("Pairs per step.", 1024)
    learning_rate: float = _doc("Peak learning rate.", 2e-3)
    sentences: int = _doc("Sentences to encode; 0 for all.", 12000)
    boundary_text: str = _doc("Boundary vectors start at the embedding of this text's last token.", "\n")


@dataclass(frozen=True)
class LoraSettings:
    """LoRA of the language model."""

    rank: int = _doc("Rank.", 16)
    alpha: int = _doc("Scaling numerator.", 32)
    dropout: float = _doc("Dropout on the adapter's input.", 0.0)
    targets: str | list[str] = _doc("Names of the adapted layers, or 'all-linear'.", "all-linear")
    start: str | None = _doc("Folder of an adapter of the same shape whose training is continued.", None)


@dataclass(frozen=True)
class LearningRates:
    """Peak learning rate of each part."""

    connector: float = _doc("Alignment layer.", 6e-4)
    llm: float = _doc("Language model or its LoRA.", 2e-5)
    encoder: float = _doc("Encoder (only when trained).", 2e-5)


@dataclass(frozen=True)
class OptimSettings:
    """Optimisation and bookkeeping of a stage (Hugging Face Trainer)."""

    learning_rate: LearningRates = _doc("Peak learning rates.", factory=LearningRates)
    weight_decay: float = _doc(
        "AdamW weight decay of the language model and encoder (0 for the alignment layer).", 0.01
    )
    schedule: Literal["constant", "linear", "cosine"] = _doc("Learning rate schedule.", "cosine")
    warmup_ratio: float = _doc("Share of steps with rising learning rate.", 0.03)
    epochs: float = _doc("Passes over the data.", 1.0)
    max_steps: int = _doc("Stop after this many steps; −1 for no limit.", -1)
    batch_size: int = _doc("Rows per device and step.", 8)
    accumulation: int = _doc("Gradient accumulation steps.", 1)
    max_grad_norm: float = _doc("Gradient clipping.", 1.0)
    precision: Literal["fp32", "bf16"] = _doc("Compute precision.", "fp32")
    gradient_checkpointing: bool = _doc("Recompute activations to save memory.", False)
    group_by_length: bool = _doc("Batch rows of similar length.", True)
    max_encoder_tokens: int = _doc("Encoder inputs are cut (right) after this many tokens.", 256)
    max_target_tokens: int = _doc("Rows with longer targets are left out.", 512)
    held_out: float = _doc("Share of rows kept for the held-out loss.", 0.01)
    eval_steps: int = _doc("Steps between evaluations; 0 for none.", 200)
    save_steps: int = _doc("Steps between checkpoints.", 200)
    keep_checkpoints: int = _doc("Checkpoints kept.", 2)
    log_steps: int = _doc("Steps between metric rows.", 10)
    reconstruction_samples: int = _doc("Held-out sentences per language reconstructed at an evaluation (Stage I).", 0)
    cache_encoder_states: Literal["auto", "always", "never"] = _doc(
        "Keep states of the frozen encoder on disk; auto: when the data are read more than once.", "auto"
    )
    rows_on_disk: bool = _doc(
        "Read the corpora row by row and keep the tokenised rows in a file of the output folder, for corpora larger "
        "than memory (Stage I, Stage II, baseline).",
        False,
    )
    cpu: bool = _doc("Train on the CPU even if an accelerator is present.", False)
    threads: int = _doc("CPU threads; 0 leaves the default.", 0)
    fsdp: str = _doc("FSDP options of the Trainer, such as 'full_shard auto_wrap'; empty for none.", "")
    deepspeed: str | None = _doc("DeepSpeed configuration file.", None)


@dataclass(frozen=True)
class AblationSettings:
    """Departures from the method, for comparison."""

    train_lm_head: bool = _doc("Stage I: also train the LM head, as the released code does.", False)
    train_llm: bool = _doc("Stage I: also train the language model.", False)
    train_connector: bool = _doc("Stage II: also train the alignment layer.", False)
    train_encoder: bool = _doc("Also train the encoder.", False)


@dataclass(frozen=True)
class LeakageSettings:
    """Check of the training data against benchmark questions."""

    benchmarks: list[str] = _doc("Files with benchmark questions (JSON, JSON lines, TSV or text).", factory=list)
    on_overlap: Literal["refuse", "drop"] = _doc("Refuse to train, or drop the rows found.", "refuse")
    similarity: float = _doc("Share of common word 5-grams that counts as a near-duplicate.", 0.8)


@dataclass(frozen=True)
class ExportSettings:
    """The bundle that is made of the run's result (command ``export``)."""

    bundle: str = _doc("Folder of the bundle; 'bundle' in the run's folder when empty.", "")
    name: str = _doc("Name of the bundle; the folder's name when empty.", "")
    template: str = _doc("Prompt template of the bundle; auto: the one that gives the texts trained on.", "auto")
    precisions: list[str] = _doc("Precisions: fp32, int8, int4, fp16.", factory=lambda: ["fp32", "int8"])
    max_new_tokens: int = _doc("Default limit of an answer in tokens.", 256)
    stop: list[str] = _doc("Strings that end an answer.", factory=list)
    license: str = _doc("Licence of the exported weights.", "")


@dataclass(frozen=True)
class Settings:
    """One run."""

    stage: Stage = _doc("What to do.")
    output: str = _doc("Folder of the run; created when absent.")
    seed: int = _doc("Seed of every random choice.", 0)
    model: ModelSettings = _doc("Pretrained parts.", factory=ModelSettings)
    encoder_text: EncoderTextSettings = _doc("Encoder input convention.", factory=EncoderTextSettings)
    merge: MergeSettings = _doc("Merge of soft prefix and text.", factory=MergeSettings)
    prompts: PromptSettings = _doc("Texts of an example.", factory=PromptSettings)
    data: list[DataSource] = _doc("English corpora.", factory=list)
    lexicons: list[LexiconSource] = _doc("Lexicons for code-switching.", factory=list)
    code_switch: CodeSwitchSettings = _doc("Code-switching.", factory=CodeSwitchSettings)
    induce: InduceSettings = _doc("Lexicon induction.", factory=InduceSettings)
    warm_start: WarmStartSettings = _doc("Warm start.", factory=WarmStartSettings)
    lora: LoraSettings | None = _doc("LoRA; absent: the whole language model is trained.", None)
    optim: OptimSettings = _doc("Optimisation.", factory=OptimSettings)
    ablations: AblationSettings = _doc("Ablation switches.", factory=AblationSettings)
    leakage: LeakageSettings = _doc("Leakage check.", factory=LeakageSettings)
    export: ExportSettings = _doc("Bundle of the result.", factory=ExportSettings)


class SettingsError(ValueError):
    """A setting is wrong; the message names file, line and field."""


def _name(kind: Any) -> str:
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, str(kind))


def _fail(node: yaml.Node, path: str, message: str) -> typing.NoReturn:
    mark = node.start_mark
    raise SettingsError(f"{mark.name}:{mark.line + 1}: {path or 'file'}: {message}")


def _build(kind: Any, node: yaml.Node, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        options = typing.get_args(kind)
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null" and type(None) in options:
            return None
        wanted = [o for o in options if o is not type(None)]
        fitting = [o for o in wanted if (typing.get_origin(o) is list) == isinstance(node, yaml.SequenceNode)]
        return _build((fitting or wanted)[0], node, path)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(typing.cast(type, kind), node, path)
    if origin is list:
        (item,) = typing.get_args(kind)
        if isinstance(node, yaml.ScalarNode) and item is float:
            return [_build(float, node, path)]
        if not isinstance(node, yaml.SequenceNode):
            _fail(node, path, "expected a list")
        return [_build(item, child, f"{path}[{i}]") for i, child in enumerate(node.value)]
    if origin is dict:
        _, item = typing.get_args(kind)
        if not isinstance(node, yaml.MappingNode):
            _fail(node, path, "expected names with values")
        return {key.value: _build(item, value, f"{path}.{key.value}") for key, value in node.value}
    if not isinstance(node, yaml.ScalarNode):
        _fail(node, path, "expected a single value")
    value = yaml.safe_load(yaml.serialize(node))
    if origin is Literal:
        if value not in typing.get_args(kind):
            choices = ", ".join(map(str, typing.get_args(kind)))
            _fail(node, path, f"{value!r} is not one of: {choices}")
        return value
    if kind is float and isinstance(value, str):
        try:
            value = float(value)  # YAML 1.1 reads 6e-4 as text
        except ValueError:
            _fail(node, path, f"expected a number, got {value!r}")
    if kind is float and type(value) is int:
        value = float(value)
    if kind is str and type(value) in (int, float):
        value = node.value
    if type(value) is not kind:
        _fail(node, path, f"expected {_name(kind)}, got {value!r}")
    return value


def _build_dataclass(kind: type, node: yaml.Node, path: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        _fail(node, path, "expected names with values")
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, child in node.value:
        name = str(key.value)
        here = f"{path}.{name}" if path else name
        if name not in hints:
            _fail(key, here, f"unknown setting; known here: {', '.join(sorted(hints))}")
        values[name] = _build(hints[name], child, here)
    for item in dataclasses.fields(kind):
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and item.name not in values:
            _fail(node, path, f"setting {item.name!r} is missing")
    return kind(**values)


def load_yaml(path: str | Path, kind: type[T]) -> T:
    """Reads a YAML file into a dataclass of settings.

    Raises:
        SettingsError: the file is no YAML, or a setting is unknown, missing or of the wrong type (with line number).
    """
    with Path(path).open(encoding="utf-8") as text:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise SettingsError(f"{path}: not valid YAML: {error}") from error
    if node is None:
        raise SettingsError(f"{path}: the file is empty")
    return typing.cast(T, _build_dataclass(kind, node, ""))


def load_settings(path: str | Path) -> Settings:
    """Reads a run's YAML file; raises as :func:`load_yaml` does."""
    return load_yaml(path, Settings)


def _schema(kind: Any) -> dict[str, Any]:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(option) for option in typing.get_args(kind)]}
    if kind is type(None):
        return {"type": "null"}
    if dataclasses.is_dataclass(kind):
        return json_schema(typing.cast(type, kind))
    if origin is list:
        (item,) = typing.get_args(kind)
        array = {"type": "array", "items": _schema(item)}
        return {"anyOf": [array, {"type": "number"}]} if item is float else array
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(typing.get_args(kind)[1])}
    if origin is Literal:
        return {"enum": list(typing.get_args(kind))}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}


def json_schema(kind: type = Settings) -> dict[str, Any]:
    """JSON schema of a settings class, for completion and checks in an editor."""
    hints = typing.get_type_hints(kind)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for item in dataclasses.fields(kind):
        entry = {"description": item.metadata["doc"], **_schema(hints[item.name])}
        if item.default is not dataclasses.MISSING and not dataclasses.is_dataclass(item.default):
            entry["default"] = item.default
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            required.append(item.name)
        properties[item.name] = entry
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = required
    if kind is Settings:
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "LinguaLIFT training run", **schema}
    return schema
