"""The self-test of a bundle: greedy ids against PyTorch, alone and in a ragged batch of sixteen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.export.errors import ExportError
from lingualift_training.export.operands import PRECISIONS

LOGPROB_TOLERANCE = 1e-3
NO_TOKEN = -1

TEXTS = (
    "Nine.",
    "How many legs do three cats have?",
    "A shelf holds 12 books. Five are lent out. How many are left?",
    "Tres gatos duermen sobre la mesa. ¿Cuántas patas hay?",
    "Anna hat 7 Äpfel und kauft 5 dazu. Wie viele hat sie?",
    "У Маши было 15 марок, она отдала 6. Сколько осталось?",
    "小明有8支铅笔,又买了4支。他现在有几支?",
    "りんごが六つあります。二つ食べました。残りはいくつですか。",
    "একটি ঝুড়িতে ১২টি আম আছে। ৫টি খাওয়া হলে কয়টি থাকে?",
    "มีส้มสิบผล กินไปสามผล เหลือกี่ผล",
    "Mama ana machungwa 20. Anawapa watoto 8. Amebaki na mangapi?",
    "రవి దగ్గర 9 బంతులు ఉన్నాయి. 4 పోయాయి. ఎన్ని మిగిలాయి?",
    "Un train part à 8 heures et roule pendant 3 heures. À quelle heure arrive-t-il ?",
    "كان لدى سامي 14 كتابا وأعطى صديقه 5. كم كتابا بقي معه؟",
    "A farmer plants 4 rows of 6 trees and later cuts down 3 of them. How many trees are standing?",
    "Write the numbers from one to ten as words, and then say which of them is the largest and which is the smallest.",
)


@dataclass(frozen=True)
class Case:
    """One prompt: ids for the encoder (None without one) and ids for the decoder, soft rows below zero."""

    input_ids: list[int]
    encoder_ids: list[int] | None = None


@dataclass(frozen=True)
class Answer:
    """Greedy ids and their log-probabilities."""

    ids: list[int]
    logprobs: list[float]


def open_session(path: Path, threads: int = 2) -> Any:
    """An ONNX Runtime session on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Waiting threads must not spin: several sessions and PyTorch share the cores during an export.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Right-padded ids i64 [B, S] and lengths i64 [B]."""
    lengths = np.array([len(row) for row in rows], np.int64)
    ids = np.full((len(rows), int(lengths.max(initial=0))), pad, np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    return ids, lengths


class BundleRunner:
    """Plays the graphs of one precision folder back, as the engine does."""

    def __init__(self, folder: Path, precision: str, manifest_parts: dict[str, Any], threads: int = 2) -> None:
        self.lm = manifest_parts["lm"]
        self.pad = self.lm["padId"]
        self.encoder_part = manifest_parts["encoder"]
        self.dtype = PRECISIONS[precision].dtype
        self.generate = open_session(folder / "generate.onnx", threads)
        self.encoder = open_session(folder / "encoder.onnx", threads) if self.encoder_part else None

    def encode(self, cases: Sequence[Case]) -> np.ndarray:
        """Soft rows f32 [B, P, D]; P is 0 without an encoder."""
        if self.encoder is None:
            return np.zeros((len(cases), 0, self.lm["hidden"]), np.float32)
        ids, lengths = padded([case.encoder_ids or [] for case in cases], self.encoder_part["padId"])
        mask = (np.arange(ids.shape[1])[None] < lengths[:, None]).astype(np.int64)
        rows: np.ndarray = self.encoder.run(["prefix_embeds"], {"input_ids": ids, "attention_mask": mask})[0]
        return rows

    def answer(self, cases: Sequence[Case], tokens: int) -> list[Answer]:
        """Greedy continuations of one batch, without an end token."""
        batch = len(cases)
        ids, lengths = padded([case.input_ids for case in cases], self.pad)
        feeds: dict[str, np.ndarray] = {
            "input_ids": ids,
            "soft_embeds": self.encode(cases),
            "seq_lengths": lengths,
            "max_new_tokens": np.array(tokens, np.int64),
            "eos_ids": np.array([NO_TOKEN], np.int64),
            "stop_count": np.array(batch, np.int64),
            "past_lengths": np.zeros(batch, np.int32),
            "done_in": np.zeros(batch, bool),
        }
        shape = (batch, self.lm["kvHeads"], 0, self.lm["headDim"])
        for layer in range(self.lm["layers"]):
            for part in ("key", "value"):
                feeds[f"past_key_values.{layer}.{part}"] = np.zeros(shape, self.dtype)
        chosen, logprobs = self.generate.run(["tokens", "token_logprobs"], feeds)
        return [Answer(chosen[:, i].tolist(), logprobs[:, i].tolist()) for i in range(batch)]


def input_vectors(lm: Any, encoder: Any, connector: Any, case: Case) -> Any:
    """Input vectors [1, S, H] of a case in PyTorch: rows of the token table and soft rows."""
    import torch

    vectors = lm.get_input_embeddings()(torch.tensor([[max(i, 0) for i in case.input_ids]])).clone()
    if case.encoder_ids is not None:
        ids = torch.tensor([case.encoder_ids])
        mask = torch.ones_like(ids)
        soft = connector(encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask)[0][0]
        for place, token in enumerate(case.input_ids):
            if token < 0:
                vectors[0, place] = soft[-token - 1]
    return vectors


def torch_answers(lm: Any, encoder: Any, connector: Any, cases: Sequence[Case], tokens: int) -> list[Answer]:
    """The same continuations by PyTorch: Transformers ``generate`` over the input vectors of each prompt alone."""
    import torch

    # One thread: on cores that others use, PyTorch's threads wait for each other at every operator.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    answers = []
    with torch.no_grad():
        for case in cases:
            vectors = input_vectors(lm, encoder, connector, case)
            out = lm.generate(
                inputs_embeds=vectors,
                attention_mask=torch.ones(vectors.shape[:2], dtype=torch.long),
                max_new_tokens=tokens,
                do_sample=False,
                repetition_penalty=1.0,
                eos_token_id=None,
                pad_token_id=0,
                output_logits=True,
                return_dict_in_generate=True,
            )
            logprobs = [torch.log_softmax(step[0].float(), -1).max().item() for step in out.logits]
            answers.append(Answer(out.sequences[0].tolist(), logprobs))
    torch.set_num_threads(threads)
    return answers


@dataclass(frozen=True)
class Check:
    """How the answers of one precision compare: equal prompts of all, and the largest log-probability difference."""

    prompts: int
    batch_equal: int
    torch_equal: int | None
    logprob_difference: float | None

    def to_json(self) -> dict[str, Any]:
        """The entry of ``selfTest.checks``."""
        return {
            "prompts": self.prompts,
            "batchIdsEqual": self.batch_equal,
            "torchIdsEqual": self.torch_equal,
            "maxLogprobDifference": self.logprob_difference,
        }


def run_check(
    runner: BundleRunner, cases: Sequence[Case], tokens: int, expected: Sequence[Answer] | None
) -> tuple[list[Answer], Check]:
    """Answer every case alone and all of them in one ragged batch, and compare (with PyTorch when ``expected``)."""
    alone = [runner.answer([case], tokens)[0] for case in cases]
    together = runner.answer(cases, tokens)
    batch_equal = sum(a.ids == b.ids for a, b in zip(alone, together, strict=True))
    if expected is None:
        return alone, Check(len(cases), batch_equal, None, None)
    torch_equal = sum(a.ids == b.ids for a, b in zip(alone, expected, strict=True))
    worst = max(
        abs(x - y) for a, b in zip(alone, expected, strict=True) for x, y in zip(a.logprobs, b.logprobs, strict=True)
    )
    return alone, Check(len(cases), batch_equal, torch_equal, float(f"{worst:.1e}"))


def require(check: Check, precision: str) -> None:
    """Raise :class:`ExportError` when a check did not pass.

    Quantised and half-precision answers may differ from PyTorch's, but never with the batch.
    """
    if check.batch_equal != check.prompts:
        raise ExportError(
            f"self-test failed: in {precision} {check.prompts - check.batch_equal} of {check.prompts} prompts get "
            "other tokens in a batch than alone; such a bundle cannot be used for scores, so it was not written"
        )
    if precision != "fp32" or check.torch_equal is None or check.logprob_difference is None:
        return
    if check.torch_equal != check.prompts:
        raise ExportError(
            f"self-test failed: {check.prompts - check.torch_equal} of {check.prompts} prompts get other tokens than "
            "PyTorch gives; the graphs do not compute the same model, so the bundle was not written"
        )
    if check.logprob_difference > LOGPROB_TOLERANCE:
        raise ExportError(
            f"self-test failed: log-probabilities differ from PyTorch's by up to {check.logprob_difference:.1e} "
            f"(allowed {LOGPROB_TOLERANCE}); the bundle was not written"
        )
