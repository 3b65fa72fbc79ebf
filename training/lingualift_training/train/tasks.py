"""Runs that need no Trainer: lexicon induction, code-switching to a file, warm start, dry run."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ..data.codeswitch import CodeSwitcher, Switched, coverage
from ..data.examples import read_examples, sentences, write_alpaca
from ..lexicon.encoder_vectors import word_vectors
from ..lexicon.entries import read_lexicon, report, write_lexicon
from ..lexicon.induce import induce
from ..lexicon.vectors import align_unsupervised, read_vectors
from ..lexicon.words import english_words, frequency_list, text_file_list, vocabulary_list
from ..model.loading import encoder_width, load_encoder, load_llm, load_tokenizer
from .settings import Settings, SettingsError
from .setup import assemble, encoder_text, load_examples, load_lexicons, new_connector, switch_all, switch_options
from .stages import RESULT_NAME, fingerprint, prepare_output, stage_rows, versions
from .warmstart import FitOptions, collect_pairs, fit

Log = Callable[[str], None]

DRY_ROWS = 10_000
"""Rows of a corpus that a dry run reads where the corpora are larger than memory."""
INSTRUCTION = "Translate the following code-switched sentence to pure English:"


def _write_result(settings: Settings, result: dict[str, Any]) -> dict[str, Any]:
    result = {"stage": settings.stage, "fingerprint": fingerprint(settings), "versions": versions(), **result}
    path = Path(settings.output) / RESULT_NAME
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def _names(texts: list[str]) -> list[str]:
    """Words that are written with a capital far more often than without: names of people and places."""
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        for word in text.split():
            bare = word.strip(".,?!;:'\"()")
            (capital if bare[:1].isupper() else small)[bare.lower()] += 1
    return [word for word, count in capital.items() if count > 3 * small[word]]


def run_lexicon(settings: Settings, log: Log = print) -> dict[str, Any]:
    """Induces one lexicon per language into ``<output>/<language>.tsv``."""
    options = settings.induce
    if not options.languages:
        raise SettingsError("induce.languages is empty: name the languages to induce")
    prepare_output(settings, restart=True)
    results: dict[str, Any] = {}
    corpus = [example.question for example in load_examples(settings)] if settings.data else []
    if options.vectors:
        if "en" not in options.vectors:
            raise SettingsError("induce.vectors needs a file for 'en' too")
        english, english_matrix = read_vectors(options.vectors["en"])
    else:
        english = english_words(corpus, options.english_words, _names(corpus))
        if not english:
            raise SettingsError("the run has no data to take English words from: list a corpus under 'data'")
        if not settings.model.encoder:
            raise SettingsError("model.encoder is missing: lexicons are induced from an encoder or from induce.vectors")
        encoder, tokenizer = load_encoder(settings.model.encoder), load_tokenizer(settings.model.encoder)
        english_matrix = word_vectors(encoder, tokenizer, english, encoder_text(settings))
    for language in options.languages:
        if options.vectors:
            if language not in options.vectors:
                raise SettingsError(f"induce.vectors has no file for {language!r}")
            words, matrix = read_vectors(options.vectors[language])
            source, target = align_unsupervised(english_matrix, matrix)
            lexicon = induce(language, english, source, words, target, options.mutual, centre=False)
        else:
            words = _target_words(settings, language, tokenizer.get_vocab())
            matrix = word_vectors(encoder, tokenizer, words, encoder_text(settings))
            lexicon = induce(language, english, english_matrix, words, matrix, options.mutual)
        write_lexicon(lexicon, Path(settings.output) / f"{language}.tsv")
        reference = options.reference.get(language)
        quality = report(lexicon, english, read_lexicon(reference, language) if reference else None)
        results[language] = {"entries": len(lexicon), "target_words": len(words), **dataclasses.asdict(quality)}
        log(f"{language}: {json.dumps(results[language])}")
    return _write_result(settings, {"languages": results})


def _target_words(settings: Settings, language: str, vocabulary: dict[str, int]) -> list[str]:
    if files := settings.induce.text_files.get(language):
        return text_file_list(files, settings.induce.target_words)
    try:
        return frequency_list(language, settings.induce.target_words)
    except LookupError as error:
        try:
            return vocabulary_list(vocabulary, language)
        except LookupError:
            raise SettingsError(f"{error} (induce.text_files)") from None


def _stream(settings: Settings) -> Iterator[str]:
    for source in settings.data:
        rows: Iterator[str] = (
            text
            for example in read_examples(source.path, source.format, source.short)
            for text in (sentences(example.question) if source.sentences else [example.question])
            if not source.longest or len(text) <= source.longest
        )
        yield from itertools.islice(rows, source.limit) if source.limit else rows


def run_codeswitch(settings: Settings, log: Log = print) -> dict[str, Any]:
    """Writes code-switched rows as LLaMA-Factory JSON (``<output>/stage1.json``), one row at a time."""
    lexicons = load_lexicons(settings)
    if not lexicons:
        raise SettingsError("code-switching needs lexicons: list at least one under 'lexicons'")
    prepare_output(settings, restart=True)
    switcher = CodeSwitcher(lexicons, switch_options(settings.code_switch))
    totals = {"replaced": 0, "words": 0}

    def rows() -> Iterator[tuple[str, str, str]]:
        for mixed in switcher.stream(_stream(settings), settings.code_switch.draws, settings.seed):
            totals["replaced"] += mixed.replaced
            totals["words"] += sum(mixed.source[span.source_start].isalpha() for span in mixed.spans)
            yield INSTRUCTION, mixed.text, mixed.source

    count = write_alpaca(Path(settings.output) / "stage1.json", rows())
    share = totals["replaced"] / totals["words"] if totals["words"] else 0.0
    log(f"{count} rows, {share:.1%} of the words replaced")
    sample = list(itertools.islice(_stream(settings), 2000))
    return _write_result(
        settings,
        {"rows": count, "replaced_share": share, "coverage": coverage(lexicons, sample), "files": ["stage1.json"]},
    )


def run_warmstart(settings: Settings, log: Log = print) -> dict[str, Any]:
    """Warm start of the alignment layer; writes ``connector.*``, ``metrics.jsonl`` and ``result.json``."""
    for name in ("encoder", "llm"):
        if not getattr(settings.model, name):
            raise SettingsError(f"model.{name} is missing: the warm start needs encoder and language model")
    if settings.optim.threads:
        torch.set_num_threads(settings.optim.threads)
    prepare_output(settings, restart=True)
    started = time.monotonic()
    options = settings.warm_start
    texts = [example.question for example in load_examples(settings)]
    random.Random(settings.seed).shuffle(texts)
    texts = texts[: options.sentences] if options.sentences else texts
    mixed = switch_all(settings, texts)
    log(f"encoding {len(mixed)} sentences")
    encoder, encoder_tokenizer = (
        load_encoder(settings.model.encoder or ""),
        load_tokenizer(settings.model.encoder or ""),
    )
    llm_tokenizer = load_tokenizer(settings.model.llm)
    embeddings = load_llm(settings.model.llm).get_input_embeddings().weight.detach()
    every = max(1, len(mixed) // 10)
    told = 0

    def shown(done: int) -> None:
        nonlocal told
        if done >= told + every:
            told = done
            log(f"encoded {done}/{len(mixed)}")

    special = llm_tokenizer(options.boundary_text, add_special_tokens=False)["input_ids"][-1]
    pairs = collect_pairs(
        encoder, encoder_tokenizer, llm_tokenizer, mixed, encoder_text(settings), special, on_progress=shown
    )
    log(f"{len(pairs)} pairs of {len(mixed)} sentences, {time.monotonic() - started:.0f} s")
    connector = new_connector(settings, encoder_width(encoder), embeddings)
    if not settings.model.connector:
        with torch.no_grad():
            for vector in connector.boundary_vectors():
                vector.copy_(embeddings[special])
    metrics = Path(settings.output) / "metrics.jsonl"
    metrics.write_text("", encoding="utf-8")

    def on_epoch(row: dict[str, float]) -> None:
        row = {**row, "seconds": round(time.monotonic() - started, 1)}
        with metrics.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        log(json.dumps(row))

    fitted = FitOptions(
        epochs=options.epochs, batch=options.batch, learning_rate=options.learning_rate, seed=settings.seed
    )
    accuracy = fit(connector, pairs, embeddings, fitted, on_epoch)
    connector.save(settings.output, torch.float16)
    log(f"held-out nearest token: {json.dumps(accuracy)}")
    return _write_result(
        settings,
        {
            "sentences": len(mixed),
            "pairs": len(pairs),
            "replaced_share": sum(m.share for m in mixed) / len(mixed),
            "held_out_nearest_token": accuracy,
            "seconds": round(time.monotonic() - started, 1),
            "files": ["connector.safetensors", "connector.json"],
        },
    )


def preview(mixed: list[Switched]) -> list[str]:
    """Mixed sentences with replaced words in brackets: ``[manzanas|apples]``."""
    lines: list[str] = []
    for sentence in mixed:
        text, end = "", 0
        for span in sentence.spans:
            text += sentence.text[end : span.start]
            word = sentence.text[span.start : span.end]
            source = sentence.source[span.source_start : span.source_end]
            text += f"[{word}|{source}]" if span.language and word else word
            end = span.end
        lines.append(text + sentence.text[end:])
    return lines


def switched_preview(settings: Settings, count: int = 20, seed: int | None = None) -> dict[str, Any]:
    """Code-switched rows for an editor: every sentence as pieces of text, with the English word of those replaced.

    Returns:
        ``seed``; ``languages``: per lexicon its entries and ``coverage``, the share of running content words that have
        a translation; ``words`` and ``replaced``, counted over the rows; ``rows``: ``source`` and ``pieces``, each with
        ``text`` and, where a word was replaced, ``source`` and ``language`` (an omitted word has an empty text).

    Raises:
        SettingsError: the run has no lexicons or no data.
    """
    lexicons = load_lexicons(settings)
    if not lexicons:
        raise SettingsError("code-switching needs lexicons: list at least one under 'lexicons'")
    sample = list(itertools.islice(_stream(settings), max(count, 2000)))
    if not sample:
        raise SettingsError("the run has no data: list at least one corpus under 'data'")
    used = settings.seed if seed is None else seed
    mixed = switch_all(
        dataclasses.replace(settings, seed=used), random.Random(used).sample(sample, min(count, len(sample)))
    )
    share = coverage(lexicons, sample)
    return {
        "seed": used,
        "sentences": len(sample),
        "languages": [
            {"language": code, "entries": len(lexicon), "coverage": share[code]} for code, lexicon in lexicons.items()
        ],
        "words": sum(m.source[span.source_start].isalpha() for m in mixed for span in m.spans),
        "replaced": sum(m.replaced for m in mixed),
        "rows": [{"source": m.source, "pieces": pieces(m)} for m in mixed],
    }


def pieces(mixed: Switched) -> list[dict[str, str]]:
    """The mixed sentence cut at its replaced words, as :func:`switched_preview` describes."""
    found: list[dict[str, str]] = []
    end = 0
    for span in mixed.spans:
        if span.language is None:
            continue
        if mixed.text[end : span.start]:
            found.append({"text": mixed.text[end : span.start]})
        found.append(
            {
                "text": mixed.text[span.start : span.end],
                "source": mixed.source[span.source_start : span.source_end],
                "language": span.language,
            }
        )
        end = span.end
    return [*found, {"text": mixed.text[end:]}] if mixed.text[end:] else found


def run_dry(settings: Settings, log: Log = print) -> dict[str, Any]:
    """Loads everything, trains nothing: prints rows, steps, parameters, a memory estimate and ten rows."""
    if settings.stage in ("lexicon", "codeswitch", "warmstart"):
        texts = list(itertools.islice(_stream(settings), 10))
        lines = preview(switch_all(settings, texts)) if settings.stage != "lexicon" else texts
        for line in lines[:10]:
            log(line)
        return {"sample": lines[:10]}
    assembled = assemble(settings)
    if settings.optim.rows_on_disk:
        data = [dataclasses.replace(s, limit=min(s.limit or DRY_ROWS, DRY_ROWS)) for s in settings.data]
        settings = dataclasses.replace(settings, data=data)
        log(f"at most {DRY_ROWS} rows of each corpus are read; rows, steps and tokens are of these alone")
    train, held = stage_rows(settings, assembled.builder)
    optim = settings.optim
    per_step = optim.batch_size * optim.accumulation
    steps = optim.max_steps if optim.max_steps > 0 else math.ceil(len(train) / per_step * optim.epochs)
    parameters = sum(p.numel() for p in assembled.model.parameters())
    trained = sum(p.numel() for p in assembled.model.parameters() if p.requires_grad)
    lengths = sorted(len(r["input_ids"]) + len(r["target_ids"]) for r in (train[i] for i in range(len(train))))
    width = 2 if optim.precision == "bf16" else 4
    llm = assembled.model.llm.config
    logits = optim.batch_size * lengths[-1] * llm.vocab_size * 4
    kept = 2 if optim.gradient_checkpointing else 16
    activations = optim.batch_size * lengths[-1] * llm.hidden_size * llm.num_hidden_layers * width * kept
    estimate = {
        "rows": len(train),
        "held_out_rows": len(held) if held is not None else 0,
        "steps": steps,
        "tokens_per_epoch": sum(lengths),
        "longest_row": lengths[-1],
        "parameters": parameters,
        "trained_parameters": trained,
        "weights_mb": round(parameters * 4 / 2**20),
        "gradients_and_optimiser_mb": round(trained * 12 / 2**20),
        "activations_mb": round((activations + logits) / 2**20),
    }
    for name, value in estimate.items():
        log(f"{name}: {value}")
    if train.switched is not None:
        lines = preview(switch_all(settings, [e.question for e in train.examples[: 10 * settings.code_switch.draws]]))
    else:
        lines = [f"{train.examples[i].question!r} -> {train.examples[i].answer!r}" for i in range(min(10, len(train)))]
    for line in lines[:10]:
        log(line)
    return {**estimate, "sample": lines[:10]}
