"""From examples to batches: token ids of encoder, prompt and target, padded and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from ..data.examples import Example
from ..model.connector import ConnectorConfig
from ..model.encoder_text import EncoderText
from ..model.merge import Merge, Sequences
from .settings import PromptSettings


@dataclass(frozen=True)
class RowBuilder:
    """Everything that decides how an example becomes ids.

    Attributes:
        merge: merge mode and order.
        prompts: texts of the elements.
        llm_tokenizer: tokenizer of the language model; no special tokens are added by it.
        encoder_tokenizer: tokenizer of the encoder; None for text-only training.
        encoder_text: encoder input convention.
        connector: shape of the alignment layer, which decides the number of soft rows.
        eos_id: token appended to every target.
    """

    merge: Merge
    prompts: PromptSettings
    llm_tokenizer: PreTrainedTokenizerBase
    eos_id: int
    bos_id: int | None = None
    encoder_tokenizer: PreTrainedTokenizerBase | None = None
    encoder_text: EncoderText = field(default_factory=EncoderText)
    connector: ConnectorConfig | None = None
    max_encoder_tokens: int = 256

    def _llm_ids(self, template: str, example: Example) -> list[int]:
        text = template.replace("{answer}", example.answer).replace("{question}", example.question)
        return list(self.llm_tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def encoder_ids(self, question: str) -> list[int]:
        """Encoder tokens of a question, cut at the right but for the closing special token."""
        if self.encoder_tokenizer is None:
            return []
        text = self.encoder_text.apply(self.prompts.encoder.replace("{question}", question))
        return list(self.encoder_tokenizer(text, truncation=True, max_length=self.max_encoder_tokens)["input_ids"])

    def soft_rows(self, encoder_tokens: int) -> int:
        """Rows of the soft prefix for a number of encoder tokens."""
        if self.connector is None:
            return 0
        inner = self.connector.latents if self.connector.type == "perceiver" else encoder_tokens
        return inner + self.connector.boundary_rows

    def build(self, example: Example, encoder_question: str | None = None, with_target: bool = True) -> dict[str, Any]:
        """One row: ``encoder_ids``, ``input_ids`` (the prompt) and ``target_ids``.

        ``encoder_question`` replaces the question for the encoder only (a code-switched sentence).
        """
        encoder_ids = self.encoder_ids(encoder_question if encoder_question is not None else example.question)
        elements = {
            "instruction": self._llm_ids(self.prompts.instruction, example) if self._uses("instruction") else [],
            "text": self._llm_ids(self.prompts.text, example) if self._uses("text") else [],
        }
        prompt = self.merge.compose(self.soft_rows(len(encoder_ids)), self.bos_id, **elements)
        target = [*self._llm_ids(self.prompts.target, example), self.eos_id] if with_target else []
        return {"encoder_ids": encoder_ids, "input_ids": prompt, "target_ids": target}

    def _uses(self, element: str) -> bool:
        return element in self.merge.order


class Rows(Dataset[dict[str, Any]]):
    """Rows of a stage, tokenised when first asked for and kept.

    Args:
        examples: English rows.
        builder: how they become ids.
        switched: for Stage I, the mixed text of every example, for the encoder.

    Attributes:
        languages: the first language mixed into every row, where it is known.
    """

    def __init__(self, examples: Sequence[Example], builder: RowBuilder, switched: Sequence[str] | None = None) -> None:
        if switched is not None and len(switched) != len(examples):
            raise ValueError(f"{len(examples)} examples but {len(switched)} mixed sentences")
        self.examples = examples
        self.builder = builder
        self.switched = switched
        self.languages: list[str] | None = None
        self._kept: dict[int, dict[str, Any]] = {}
        self.states: EncoderStates | None = None

    def __len__(self) -> int:
        return len(self.examples)

    def lengths(self) -> list[int]:
        """Tokens of each row: of the encoder, the prompt and the target."""
        rows = (self[i] for i in range(len(self)))
        return [len(row["encoder_ids"]) + len(row["input_ids"]) + len(row["target_ids"]) for row in rows]

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self._kept.get(index)
        if row is None:
            switched = self.switched[index] if self.switched is not None else None
            row = self.builder.build(self.examples[index], switched)
            self._kept[index] = row
        return row if self.states is None else {**row, "encoder_states": self.states[index]}


class EncoderStates:
    """Encoder states of all rows in one file of float16, memory-mapped; made once, read every epoch."""

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self._ends = np.load(folder / "ends.npy")
        width = int(np.load(folder / "width.npy"))
        self._states = np.memmap(folder / "states.f16", np.float16, "r", shape=(int(self._ends[-1]), width))

    def __getitem__(self, index: int) -> torch.Tensor:
        start = self._ends[index - 1] if index else 0
        return torch.from_numpy(np.array(self._states[start : self._ends[index]]))

    @staticmethod
    @torch.no_grad()
    def make(folder: str | Path, rows: Any, encoder: Any, pad_id: int, batch_tokens: int = 4096) -> EncoderStates:
        """Runs the frozen encoder over all rows and writes their states, batching rows of like length."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lengths = [len(rows[i]["encoder_ids"]) for i in range(len(rows))]
        ends = np.cumsum(lengths)
        width = encoder.get_input_embeddings().weight.shape[1]
        out = np.memmap(folder / "states.f16", np.float16, "w+", shape=(int(ends[-1]), width))
        order = sorted(range(len(rows)), key=lambda i: lengths[i])
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and lengths[order[stop]] * (stop + 1 - start) <= batch_tokens:
                stop += 1
            chosen = order[start:stop]
            ids, mask = pad_right([rows[i]["encoder_ids"] for i in chosen], pad_id)
            states = encoder(input_ids=ids.to(encoder.device), attention_mask=mask.to(encoder.device)).last_hidden_state
            for row, i in enumerate(chosen):
                out[ends[i] - lengths[i] : ends[i]] = states[row, : lengths[i]].half().cpu().numpy()
            start = stop
        out.flush()
        np.save(folder / "ends.npy", ends)
        np.save(folder / "width.npy", width)
        return EncoderStates(folder)


def pad_right(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask ``[B, S]`` of rows padded at the right."""
    length = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[pad_id] * (length - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return ids, mask


@dataclass(frozen=True)
class Collator:
    """Puts rows together into the arguments of :meth:`LinguaLiftModel.forward`."""

    llm_pad_id: int
    encoder_pad_id: int = 0

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        sequences = Sequences([row["input_ids"] for row in rows], [row["target_ids"] for row in rows])
        batch = sequences.tensors(self.llm_pad_id)
        if rows[0]["encoder_ids"]:
            ids, mask = pad_right([row["encoder_ids"] for row in rows], self.encoder_pad_id)
            batch["encoder_attention_mask"] = mask
            if "encoder_states" in rows[0]:
                states = [row["encoder_states"] for row in rows]
                batch["encoder_states"] = torch.nn.utils.rnn.pad_sequence(states, batch_first=True).float()
            else:
                batch["encoder_input_ids"] = ids
        return batch
