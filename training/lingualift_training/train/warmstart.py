"""Warm start of the alignment layer: regress encoder states onto the LLM's own token embeddings, word by word.

This step is not in the paper. Code-switching knows which English word each word of a mixed sentence came from. So each
encoder state of a word can be paired with the language model's embedding of that English word, and an alignment layer
can be fitted in minutes without running the language model at all. The loss of a mapped state ``o`` with target ``y``:

    cross-entropy over ``−‖o − E_v‖² / 2τ²`` (v in the vocabulary, y the class) + 0.1 · ``‖o − E_y‖² / τ²``

with ``τ² = mean ‖E_v‖² / 10``; the classes of one batch are its own targets and a random sample of all targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.codeswitch import Switched
from ..model.connector import Connector
from ..model.encoder_text import EncoderText

MAX_TARGETS = 4


class Kind(IntEnum):
    """What an encoder token stands for; held-out accuracy is reported for each."""

    KEPT = 0
    REPLACED = 1
    DIGIT = 2
    SPECIAL = 3


@dataclass
class Pairs:
    """Encoder states and the LLM tokens they should become.

    Attributes:
        states: ``[N, d_enc]`` float16.
        targets: ``[N, MAX_TARGETS]`` int64 LLM token ids, padded with −1; several ids mean their average embedding.
        kinds: ``[N]`` int64, values of :class:`Kind`.
        sentences: ``[N]`` int64, the sentence each state belongs to (held-out data are whole sentences).
    """

    states: Tensor
    targets: Tensor
    kinds: Tensor
    sentences: Tensor

    def __len__(self) -> int:
        return len(self.states)

    def rows(self, index: Tensor) -> Pairs:
        """The pairs at ``index``."""
        return Pairs(self.states[index], self.targets[index], self.kinds[index], self.sentences[index])


def align_tokens(
    switched: Switched,
    text: EncoderText,
    encoder_offsets: Sequence[tuple[int, int]],
    llm_ids: Sequence[int],
    llm_offsets: Sequence[tuple[int, int]],
) -> list[tuple[int, list[int], Kind]]:
    """Pairs of (encoder token index, LLM token ids, kind) for one sentence.

    Args:
        switched: the mixed sentence and its spans.
        text: encoder input convention; offsets of the encoder refer to the prepared text.
        encoder_offsets: character range of every encoder token in ``text.apply(switched.text)``.
        llm_ids: LLM tokens of ``switched.source``.
        llm_offsets: their character ranges.

    A token belongs to the span in which its last character lies. When a word has m encoder and k LLM tokens, the k are
    spread over the m in order; when m < k an encoder token gets the average of its share.
    """
    span_at = {i: n for n, span in enumerate(switched.spans) for i in range(span.start, span.end)}
    span_of_source = {i: n for n, span in enumerate(switched.spans) for i in range(span.source_start, span.source_end)}
    _, origin = text.apply_with_origin(switched.text)
    llm_of_span: dict[int, list[int]] = {}
    for token, (start, end) in zip(llm_ids, llm_offsets, strict=True):
        span = span_of_source.get(end - 1)
        if span is not None and switched.source[start:end].strip():
            llm_of_span.setdefault(span, []).append(token)
    encoder_of_span: dict[int, list[int]] = {}
    for index, (start, end) in enumerate(encoder_offsets):
        if end > start and (span := span_at.get(origin[end - 1])) is not None:
            encoder_of_span.setdefault(span, []).append(index)
    pairs: list[tuple[int, list[int], Kind]] = []
    for number, positions in encoder_of_span.items():
        tokens = llm_of_span.get(number)
        if not tokens:
            continue
        span = switched.spans[number]
        if switched.source[span.source_start].isdigit():
            kind = Kind.DIGIT
        else:
            kind = Kind.KEPT if span.language is None else Kind.REPLACED
        m, k = len(positions), len(tokens)
        for q, position in enumerate(positions):
            share = [tokens[q * k // m]] if m >= k else tokens[q * k // m : (q + 1) * k // m]
            pairs.append((position, share[:MAX_TARGETS], kind))
    return pairs


@torch.no_grad()
def collect_pairs(
    encoder: PreTrainedModel,
    encoder_tokenizer: PreTrainedTokenizerBase,
    llm_tokenizer: PreTrainedTokenizerBase,
    sentences: Iterable[Switched],
    text: EncoderText,
    special_target: int,
    batch_tokens: int = 4096,
    on_progress: Callable[[int], None] | None = None,
) -> Pairs:
    """Runs the frozen encoder over mixed sentences and aligns its states with LLM tokens.

    Args:
        special_target: LLM token that special tokens and the text prefix are mapped to, such as the one of a newline:
            their states carry no word, but they stand among the soft tokens.
        batch_tokens: padded tokens per forward pass.
        on_progress: called with the number of sentences done.
    """
    batch = list(sentences)
    encoded = encoder_tokenizer(
        [text.apply(s.text) for s in batch], return_offsets_mapping=True, return_special_tokens_mask=True
    )
    source = llm_tokenizer([s.source for s in batch], add_special_tokens=False, return_offsets_mapping=True)
    ids: list[list[int]] = encoded["input_ids"]
    order = sorted(range(len(batch)), key=lambda i: len(ids[i]))
    states: list[Tensor] = []
    targets: list[list[int]] = []
    kinds: list[int] = []
    owners: list[int] = []
    pad = encoder_tokenizer.pad_token_id or 0
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and len(ids[order[end]]) * (end + 1 - start) <= batch_tokens:
            end += 1
        rows = order[start:end]
        length = len(ids[rows[-1]])
        inputs = torch.tensor([ids[i] + [pad] * (length - len(ids[i])) for i in rows], device=encoder.device)
        mask = torch.tensor([[1] * len(ids[i]) + [0] * (length - len(ids[i])) for i in rows], device=encoder.device)
        hidden = encoder(input_ids=inputs, attention_mask=mask).last_hidden_state.half().cpu()
        for row, i in enumerate(rows):
            offsets = encoded["offset_mapping"][i]
            special = [
                (position, [special_target], Kind.SPECIAL)
                for position, (_, stop) in enumerate(offsets)
                if encoded["special_tokens_mask"][i][position] or 0 < stop <= len(text.text_prefix)
            ]
            words = align_tokens(batch[i], text, offsets, source["input_ids"][i], source["offset_mapping"][i])
            for position, tokens, kind in words + special:
                states.append(hidden[row, position])
                targets.append(tokens + [-1] * (MAX_TARGETS - len(tokens)))
                kinds.append(int(kind))
                owners.append(i)
        start = end
        if on_progress:
            on_progress(end)
    return Pairs(torch.stack(states), torch.tensor(targets), torch.tensor(kinds), torch.tensor(owners))


@dataclass(frozen=True)
class FitOptions:
    """Optimisation of the warm start (AdamW, linear warm-up and decay)."""

    epochs: int = 6
    batch: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    sampled_classes: int = 1200
    held_out: float = 0.03
    seed: int = 0


class _Targets:
    """Embedding table restricted to the tokens that occur as targets, with the losses defined on it."""

    def __init__(self, embeddings: Tensor, targets: Tensor) -> None:
        self.embeddings = embeddings.detach().float()
        self.vocabulary = torch.unique(targets[targets >= 0])
        self.rank = torch.full((len(embeddings),), -1)
        self.rank[self.vocabulary] = torch.arange(len(self.vocabulary))
        self.temperature = float(self.embeddings.square().sum(1).mean()) / 10

    def mean(self, targets: Tensor) -> Tensor:
        """Average embedding of each row's targets, ``[N, d_lm]``."""
        known = (targets >= 0).float()[..., None]
        return (self.embeddings[targets.clamp(min=0)] * known).sum(1) / known.sum(1)

    def scores(self, mapped: Tensor, tokens: Tensor) -> Tensor:
        """``−‖o − E‖² / 2τ²`` of mapped states ``[N, d_lm]`` against token ids ``[V]``, up to a constant per row."""
        table = self.embeddings[tokens]
        return (mapped @ table.T - table.square().sum(1) / 2) / self.temperature


def _split(pairs: Pairs, held_out: float) -> tuple[Tensor, Tensor]:
    count = int(pairs.sentences.max()) + 1
    held = pairs.sentences >= count - max(1, round(held_out * count))
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


@torch.no_grad()
def nearest_token_accuracy(
    connector: Connector, pairs: Pairs, embeddings: Tensor, block: int = 1024
) -> dict[str, float]:
    """Share of states whose nearest embedding, in the whole table, is the target; by kind of token.

    States with more than one target token are not counted.
    """
    table = embeddings.detach().float()
    norms = table.square().sum(1) / 2
    hits: dict[Kind, list[int]] = {kind: [0, 0] for kind in Kind}
    single = (pairs.targets[:, 1] < 0).nonzero()[:, 0]
    for start in range(0, len(single), block):
        rows = pairs.rows(single[start : start + block])
        nearest = (connector.map_states(rows.states.float()) @ table.T - norms).argmax(1)
        for kind in Kind:
            chosen = rows.kinds == int(kind)
            hits[kind][0] += int((nearest[chosen] == rows.targets[chosen, 0]).sum())
            hits[kind][1] += int(chosen.sum())
    return {kind.name.lower(): right / total for kind, (right, total) in hits.items() if total}


def fit(
    connector: Connector,
    pairs: Pairs,
    embeddings: Tensor,
    options: FitOptions | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Fits the alignment layer in place; returns the held-out nearest-token accuracy by kind.

    Boundary vectors take no part and keep their values.

    Args:
        connector: a ``linear``, ``mlp`` or ``mlp-relu`` alignment layer on the CPU.
        pairs: result of :func:`collect_pairs`.
        embeddings: the LLM's input embeddings ``[vocabulary, d_lm]``.
        on_epoch: called with ``epoch``, ``loss``, ``held_out_loss`` after every epoch.
    """
    options = options or FitOptions()
    generator = torch.Generator().manual_seed(options.seed)
    table = _Targets(embeddings, pairs.targets)
    train, held = _split(pairs, options.held_out)
    if len(train) < options.batch:
        options = FitOptions(**{**options.__dict__, "batch": max(1, len(train))})
    parameters = [p for name, p in connector.named_parameters() if name not in ("start", "end")]
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)
    total = options.epochs * (len(train) // options.batch)
    warmup = min(50, max(1, total // 10))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warmup) * max(0.005, 1 - step / total)
    )

    def loss(rows: Pairs, classes: Tensor) -> Tensor:
        mapped = connector.map_states(rows.states.float())
        single = rows.targets[:, 1] < 0
        rank = torch.full((len(embeddings),), -1)
        rank[classes] = torch.arange(len(classes))
        entropy = functional.cross_entropy(table.scores(mapped[single], classes), rank[rows.targets[single, 0]])
        squared = (mapped - table.mean(rows.targets)).square().sum(1).mean() / table.temperature
        return entropy + 0.1 * squared

    for epoch in range(options.epochs):
        order = train[torch.randperm(len(train), generator=generator)]
        running = 0.0
        steps = len(order) // options.batch
        for step in range(steps):
            rows = pairs.rows(order[step * options.batch : (step + 1) * options.batch])
            sample = torch.randint(len(table.vocabulary), (options.sampled_classes,), generator=generator)
            classes = torch.unique(torch.cat([rows.targets[rows.targets >= 0], table.vocabulary[sample]]))
            optimizer.zero_grad(set_to_none=True)
            value = loss(rows, classes)
            value.backward()
            optimizer.step()
            schedule.step()
            running += value.item()
        if on_epoch:
            with torch.no_grad():
                some = pairs.rows(held[:4096])
                on_epoch(
                    {
                        "epoch": epoch + 1,
                        "loss": running / max(1, steps),
                        "held_out_loss": loss(some, table.vocabulary).item(),
                    }
                )
    return nearest_token_accuracy(connector, pairs.rows(held), embeddings)
