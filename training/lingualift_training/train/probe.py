"""Which operation does a model prefer? A probe of transfer for models too small to calculate.

For word problems with a known one-step solution, the likelihood of each of the four calculations ``a op b =`` with the
gold operands is compared after the prompt. Choosing at random gives 25 % on a sample balanced over the operations.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from ..data.examples import Example
from ..data.wordproblems import format_number
from .rows import pad_right
from .setup import Assembled

OPERATIONS = "+-*/"


@dataclass(frozen=True)
class Choice:
    """One problem: its row in the benchmark, gold operation and operands (larger first for ``-`` and ``/``)."""

    row: int
    operation: str
    operands: tuple[Fraction, Fraction]

    def calculation(self, operation: str) -> str:
        """The calculation a model would write for this operation."""
        a, b = self.operands
        if operation in "-/" and a < b:
            a, b = b, a
        return f" {format_number(a)} {operation} {format_number(b)} ="


def balanced_choices(path: str | Path, per_operation: int, seed: int = 0) -> list[Choice]:
    """One-step problems of an English MSVAMP file, equally many of each operation, drawn at random.

    The file has a JSON object per line with ``m_query`` and ``equation`` (such as ``- number0 number1``).
    """
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    order = list(range(len(rows)))
    random.Random(f"probe {seed}").shuffle(order)
    found: dict[str, list[Choice]] = {operation: [] for operation in OPERATIONS}
    for row in order:
        match = re.fullmatch(r"([-+*/]) number(\d) number(\d)", rows[row]["equation"].strip())
        if not match or len(found[match[1]]) == per_operation:
            continue
        numbers = [Fraction(n) for n in re.findall(r"(?<![\d.])\d+(?:\.\d+)?", rows[row]["m_query"])]
        first, second = int(match[2]), int(match[3])
        if max(first, second) < len(numbers) and numbers[first] != numbers[second]:
            found[match[1]].append(Choice(row, match[1], (numbers[first], numbers[second])))
    return [choice for group in found.values() for choice in group]


@torch.no_grad()
def operation_choice(assembled: Assembled, questions: Sequence[str], choices: Sequence[Choice]) -> dict[str, Any]:
    """Share of problems whose gold operation is the likeliest, over all and by operation; ``hits`` is in their order.

    Args:
        assembled: the model with its row builder.
        questions: the questions of ``choices``, in any language.
    """
    model, builder = assembled.model.eval(), assembled.builder
    hits: dict[str, list[int]] = {operation: [] for operation in OPERATIONS}
    in_order: list[int] = []
    chosen: dict[str, int] = dict.fromkeys(OPERATIONS, 0)
    for question, choice in zip(questions, choices, strict=True):
        row = builder.build(Example(question, ""), with_target=False)
        encoder = {}
        if row["encoder_ids"]:
            ids, mask = pad_right([row["encoder_ids"]], assembled.encoder_pad_id)
            encoder = {"encoder_input_ids": ids.to(model.device), "encoder_attention_mask": mask.to(model.device)}
        prompt = torch.tensor([row["input_ids"]], device=model.device)
        cache = DynamicCache()
        embeddings = model.embed(prompt, **encoder)
        first = model.llm(inputs_embeds=embeddings, past_key_values=cache, use_cache=True, logits_to_keep=1)
        tails = [
            assembled.llm_tokenizer(choice.calculation(operation), add_special_tokens=False)["input_ids"]
            for operation in OPERATIONS
        ]
        tokens, mask = pad_right(tails, assembled.llm_pad_id)
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        cache.batch_repeat_interleave(len(OPERATIONS))
        past = torch.ones(len(OPERATIONS), prompt.shape[1], dtype=mask.dtype, device=model.device)
        rest = model.llm(
            input_ids=tokens[:, :-1],
            attention_mask=torch.cat([past, mask[:, :-1]], 1),
            past_key_values=cache,
            use_cache=True,
        )
        logits = torch.cat([first.logits[:, -1:].expand(len(OPERATIONS), -1, -1), rest.logits], 1)
        scores = logits.float().log_softmax(-1).gather(2, tokens[..., None])[..., 0].mul(mask).sum(1)
        best = OPERATIONS[int(scores.argmax())]
        chosen[best] += 1
        hits[choice.operation].append(int(best == choice.operation))
        in_order.append(hits[choice.operation][-1])
    by_operation = {operation: sum(h) / len(h) for operation, h in hits.items() if h}
    return {
        "problems": len(choices),
        "accuracy": sum(map(sum, hits.values())) / len(choices),
        "by_operation": by_operation,
        "chosen": chosen,
        "hits": in_order,
    }
