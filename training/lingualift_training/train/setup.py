"""From settings to the objects of a run: corpora, lexicons, model, rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerBase

from ..data.codeswitch import CodeSwitcher, Switched, SwitchOptions
from ..data.examples import Example
from ..data.leakage import LeakageError, benchmark_questions, find_overlaps
from ..lexicon.entries import Entry, Lexicon, read_lexicon
from ..model.connector import Connector, ConnectorConfig, embedding_scale
from ..model.encoder_text import EncoderText
from ..model.loading import encoder_width, load_encoder, load_llm, load_tokenizer
from ..model.merge import Merge
from ..model.modeling import LinguaLiftModel, Part
from .rows import RowBuilder, Rows
from .settings import CodeSwitchSettings, LexiconSource, Settings, SettingsError
from .stream import read_source


def encoder_text(settings: Settings) -> EncoderText:
    """Encoder input convention of a run."""
    chosen = settings.encoder_text
    return EncoderText(chosen.prefix, chosen.digits, chosen.space_digits)


def load_examples(settings: Settings) -> list[Example]:
    """All corpora of a run in order, checked against the benchmarks.

    Raises:
        LeakageError: rows repeat benchmark questions and ``leakage.on_overlap`` is ``refuse``.
        SettingsError: there are no data.
    """
    rows = [row for source in settings.data for row in read_source(source)]
    if not rows:
        raise SettingsError("the run has no data: list at least one corpus under 'data'")
    dropped: set[int] = set()
    for path in settings.leakage.benchmarks:
        found = find_overlaps([r.question for r in rows], benchmark_questions(path), settings.leakage.similarity)
        if found and settings.leakage.on_overlap == "refuse":
            first = found[0]
            raise LeakageError(
                f"{len(found)} training rows repeat questions of {path}, first row {first.row + 1} ({first.kind}): "
                f"{first.question!r}. Remove them, or set leakage.on_overlap to 'drop'"
            )
        dropped |= {overlap.row for overlap in found}
    return [row for number, row in enumerate(rows) if number not in dropped]


def load_lexicon(source: LexiconSource) -> Lexicon:
    """One lexicon with entries below the minimum score, and entries equal to the English word, left out."""
    lexicon = read_lexicon(source.path, source.language, source.reverse, source.max_translations)
    kept: list[Entry] = [e for e in lexicon if e.score >= source.min_score and e.target.lower() != e.source.lower()]
    return Lexicon.from_entries(source.language, kept)


def switch_options(settings: CodeSwitchSettings) -> SwitchOptions:
    """Options of the code-switcher."""
    if len(settings.ratio) not in (1, 2):
        raise SettingsError(f"code_switch.ratio takes one or two numbers, got {settings.ratio}")
    return SwitchOptions(
        ratio=(settings.ratio[0], settings.ratio[-1]),
        languages_per_sentence=settings.languages_per_sentence,
        keep=settings.keep,
        omit_articles=settings.omit_articles,
        english_share=settings.english_share,
        max_translations=settings.max_translations,
    )


def load_lexicons(settings: Settings) -> dict[str, Lexicon]:
    """The lexicons of a run by language."""
    return {source.language: load_lexicon(source) for source in settings.lexicons}


def load_switcher(settings: Settings) -> CodeSwitcher:
    """The code-switcher of a run. Without lexicons the text stays English."""
    lexicons = load_lexicons(settings)
    if not lexicons:
        return CodeSwitcher({"en": Lexicon("en")}, SwitchOptions(ratio=0.0))
    return CodeSwitcher(lexicons, switch_options(settings.code_switch))


def switch_all(settings: Settings, texts: Sequence[str]) -> list[Switched]:
    """The mixed sentences of a run: every text ``draws`` times."""
    return list(load_switcher(settings).stream(texts, settings.code_switch.draws, settings.seed))


@dataclass
class Assembled:
    """A model ready for a stage.

    ``adapter`` is the PEFT view of ``model.llm`` when LoRA is trained (the layers are replaced in place).
    """

    model: LinguaLiftModel
    builder: RowBuilder
    llm_tokenizer: PreTrainedTokenizerBase
    llm_pad_id: int
    encoder_pad_id: int
    adapter: PeftModel | None = None


def new_connector(settings: Settings, input_size: int, embeddings: torch.Tensor) -> Connector:
    """The alignment layer to start from: loaded, or drawn with the run's seed."""
    if settings.model.connector:
        return Connector.load(settings.model.connector)
    torch.manual_seed(settings.seed)
    return Connector(
        ConnectorConfig(
            settings.model.connector_type,
            input_size,
            embeddings.shape[1],
            settings.model.boundary,
            scale=embedding_scale(embeddings),
        )
    )


def trained_parts(settings: Settings) -> set[Part]:
    """Parts that a stage trains: the method's own choice and the ablation switches."""
    switches = settings.ablations
    parts: set[Part] = {"connector"} if settings.stage == "stage1" else {"llm", "lm_head"}
    if settings.stage == "stage1":
        parts |= {"lm_head"} if switches.train_lm_head else set()
        parts |= {"llm", "lm_head"} if switches.train_llm else set()
    elif settings.stage == "stage2" and switches.train_connector:
        parts |= {"connector"}
    if switches.train_encoder:
        parts |= {"encoder"}
    return parts


def _continue_adapter(adapter: PeftModel, folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise SettingsError(f"lora.start: {folder} holds no adapter_model.safetensors")
    try:
        found = set_peft_model_state_dict(adapter, {k: v.float() for k, v in load_file(weights).items()})
    except RuntimeError as error:
        raise SettingsError(f"lora.start: the adapter in {folder} has another shape: {error}") from error
    if found.unexpected_keys:
        raise SettingsError(f"lora.start: the adapter in {folder} adapts other layers than this run does")


def assemble(settings: Settings) -> Assembled:
    """Loads the parts of a run, freezes what the stage freezes and puts LoRA in place.

    Raises:
        SettingsError: a part that the merge mode needs is missing, or the placeholder is no token.
    """
    if not settings.model.llm:
        raise SettingsError("model.llm is missing: name a folder or hub id")
    llm_tokenizer = load_tokenizer(settings.model.llm)
    llm = load_llm(settings.model.llm)
    if settings.model.adapter:
        llm = PeftModel.from_pretrained(llm, settings.model.adapter).merge_and_unload()
    placeholder = None
    if settings.merge.placeholder is not None:
        placeholder = llm_tokenizer.get_vocab().get(settings.merge.placeholder)
        if placeholder is None:
            raise SettingsError(
                f"merge.placeholder {settings.merge.placeholder!r} is not a token of {settings.model.llm}"
            )
    mode = "none" if settings.stage == "baseline" else settings.merge.mode
    order = tuple(settings.merge.order) if mode == settings.merge.mode else ("instruction", "text")
    merge = Merge(mode, order, placeholder)
    encoder = connector = encoder_tokenizer = None
    if merge.uses_encoder:
        if not settings.model.encoder:
            raise SettingsError(f"model.encoder is missing: merge mode {mode!r} needs an encoder")
        encoder = load_encoder(settings.model.encoder)
        encoder_tokenizer = load_tokenizer(settings.model.encoder)
        connector = new_connector(settings, encoder_width(encoder), llm.get_input_embeddings().weight)
    model = LinguaLiftModel.assemble(llm, encoder, connector, merge)
    parts = trained_parts(settings)
    tied = llm.get_output_embeddings().weight is llm.get_input_embeddings().weight
    model.set_trainable(parts - {"lm_head"} if tied and "llm" not in parts else parts)
    adapter = None
    if settings.lora is not None and "llm" in parts:
        torch.manual_seed(settings.seed)
        adapter = get_peft_model(
            model.llm,
            LoraConfig(
                task_type=TaskType.CAUSAL_LM,
                r=settings.lora.rank,
                lora_alpha=settings.lora.alpha,
                lora_dropout=settings.lora.dropout,
                target_modules=settings.lora.targets,
            ),
        )
        if settings.lora.start:
            _continue_adapter(adapter, Path(settings.lora.start))
    eos = llm_tokenizer.eos_token_id
    if eos is None:
        raise SettingsError(f"the tokenizer of {settings.model.llm} has no end-of-sequence token")
    builder = RowBuilder(
        merge=merge,
        prompts=settings.prompts,
        llm_tokenizer=llm_tokenizer,
        eos_id=eos,
        bos_id=llm_tokenizer.bos_token_id,
        encoder_tokenizer=encoder_tokenizer,
        encoder_text=encoder_text(settings),
        connector=connector.config if connector is not None else None,
        max_encoder_tokens=settings.optim.max_encoder_tokens,
    )
    pad = llm_tokenizer.pad_token_id
    encoder_pad = encoder_tokenizer.pad_token_id if encoder_tokenizer is not None else None
    return Assembled(model, builder, llm_tokenizer, eos if pad is None else pad, encoder_pad or 0, adapter)


def stage_rows(settings: Settings, builder: RowBuilder) -> tuple[Rows, Rows | None]:
    """Training and held-out rows; whole examples are held out, all draws of a sentence on the same side."""
    examples = load_examples(settings)
    limit = settings.optim.max_target_tokens
    examples = [e for e in examples if len(e.answer) <= 12 * limit]
    held = round(settings.optim.held_out * len(examples))
    held = max(1, held) if settings.optim.held_out > 0 and len(examples) > 1 else 0
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(settings.seed)).tolist()
    chosen, kept = [examples[i] for i in order[:held]], [examples[i] for i in order[held:]]

    def rows(part: list[Example], draws: int) -> Rows:
        if settings.stage != "stage1":
            return Rows(part, builder)
        mixed = switch_all(settings, [e.question for e in part])
        repeated = [e for e in part for _ in range(draws)]
        return Rows(repeated, builder, [m.text for m in mixed])

    draws = settings.code_switch.draws
    train = _short_enough(rows(kept, draws), limit)
    return train, _short_enough(rows(chosen, draws), limit) if chosen else None


def _short_enough(rows: Rows, limit: int) -> Rows:
    keep = [i for i in range(len(rows)) if len(rows[i]["target_ids"]) <= limit]
    if len(keep) == len(rows):
        return rows
    if not keep:
        raise SettingsError(f"no row has a target of at most {limit} tokens (optim.max_target_tokens)")
    switched = [rows.switched[i] for i in keep] if rows.switched is not None else None
    return Rows([rows.examples[i] for i in keep], rows.builder, switched)
