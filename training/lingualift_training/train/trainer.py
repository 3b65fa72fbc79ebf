"""The Hugging Face Trainer with what a stage needs: learning rates by part, small checkpoints, metrics.jsonl."""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .settings import OptimSettings

TRAINED_NAME = "trained.safetensors"
COMPLETE_NAME = "complete"
METRICS_NAME = "metrics.jsonl"


class TrainingFailure(RuntimeError):
    """Training cannot go on; the message says why and what to do, ``setting`` where in the run's file."""

    def __init__(self, message: str, setting: str = "optim") -> None:
        super().__init__(message)
        self.setting = setting


def part_of(name: str) -> str:
    """Part of the model a parameter name belongs to: ``encoder``, ``connector`` or ``llm``."""
    return name.removeprefix("module.").split(".", 1)[0]


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that are being trained, by name, on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}


class LengthBuckets(Sampler[int]):
    """A shuffled order in which rows of like length stand together; it depends on seed and epoch alone.

    Rows are shuffled, cut into chunks of 50 batches, sorted by length within a chunk, and the batches of a chunk are
    shuffled. ``batch`` is the batch of all processes together, so that two processes see the rows that one would see.
    """

    CHUNK = 50

    def __init__(self, count: int, batch: int, seed: int, lengths: list[int] | None) -> None:
        self.epoch = 0
        self._count, self._batch, self._seed, self._lengths = count, batch, seed, lengths

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"order {self._seed} {self.epoch}")
        order = list(range(self._count))
        rng.shuffle(order)
        if self._lengths is None:
            yield from order
            return
        for start in range(0, self._count, self.CHUNK * self._batch):
            chunk = order[start : start + self.CHUNK * self._batch]
            chunk.sort(key=self._lengths.__getitem__, reverse=True)
            batches = [chunk[i : i + self._batch] for i in range(0, len(chunk), self._batch)]
            whole = [batch for batch in batches if len(batch) == self._batch]
            rng.shuffle(whole)
            for batch in whole + [batch for batch in batches if len(batch) < self._batch]:
                yield from batch


class _EpochOf(TrainerCallback):
    """Tells the sampler which epoch begins, also after a resume."""

    def __init__(self, sampler: LengthBuckets) -> None:
        self._sampler = sampler

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._sampler.set_epoch(int(state.epoch or 0))


class LiftTrainer(Trainer):
    """Trainer for one stage.

    A checkpoint holds only the trained parameters (``trained.safetensors``) beside the optimiser, schedule and random
    states, and ends with an empty file ``complete``, so that one cut off by a kill is never resumed from.
    """

    def __init__(self, optim: OptimSettings, metrics: MetricsFile, **kwargs: Any) -> None:
        super().__init__(callbacks=[metrics], **kwargs)
        self._optim_settings = optim
        self._metrics = metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBuckets:
        dataset = train_dataset if train_dataset is not None else self.train_dataset
        batch = self._train_batch_size * max(1, self.args.world_size)
        lengths = None
        if self._optim_settings.group_by_length:
            lengths = dataset.lengths()
        sampler = LengthBuckets(len(dataset), batch, self.args.seed, lengths)
        self.add_callback(_EpochOf(sampler))
        return sampler

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW with one group per trained part; no empty groups, and no weight decay on the alignment layer."""
        if self.optimizer is None:
            settings = self._optim_settings
            rates = {
                "connector": settings.learning_rate.connector,
                "llm": settings.learning_rate.llm,
                "encoder": settings.learning_rate.encoder,
            }
            groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    decayed = parameter.ndim > 1 and part_of(name) != "connector"
                    groups.setdefault((part_of(name), decayed), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [
                    {
                        "params": parameters,
                        "lr": rates[part],
                        "weight_decay": settings.weight_decay if decayed else 0.0,
                        "part": part,
                    }
                    for (part, decayed), parameters in groups.items()
                ],
                betas=(self.args.adam_beta1, self.args.adam_beta2),
                eps=self.args.adam_epsilon,
            )
        return self.optimizer

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        self._metrics.count(inputs["attention_mask"])
        loss = super().training_step(model, inputs, *args, **kwargs)
        if not torch.isfinite(loss):
            raise TrainingFailure(
                f"the loss became {loss.item()} in step {self.state.global_step + 1}: lower the learning rate, or "
                "train in fp32 or bf16",
                "optim.learning_rate",
            )
        return loss

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[torch.Tensor, None, None]:
        """Held-out loss; the logits are not gathered."""
        with torch.no_grad(), self.compute_loss_context_manager():
            loss = model(**self._prepare_inputs(inputs)).loss
        return loss.detach(), None, None

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        if state_dict:  # gathered from shards
            names = {name for name, p in self.model.named_parameters() if p.requires_grad}
            state = {k: v.cpu().contiguous() for k, v in state_dict.items() if k.removeprefix("module.") in names}
        else:
            state = trained_state(self.accelerator.unwrap_model(self.model))
        save_file(state, folder / TRAINED_NAME, metadata={"format": "pt"})

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            (folder / COMPLETE_NAME).touch()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        self._load_trained(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            super()._load_best_model()
        elif self.state.best_model_checkpoint:
            self._load_trained(Path(self.state.best_model_checkpoint))

    def _load_trained(self, folder: Path) -> None:
        state = load_file(folder / TRAINED_NAME)
        model = self.accelerator.unwrap_model(self.model)
        expected = {name for name, p in model.named_parameters() if p.requires_grad}
        if set(state) != expected:
            raise TrainingFailure(
                f"{folder} was made with other trained parts than this run has; choose another output folder",
                "output",
            )
        model.load_state_dict(state, strict=False)


def last_checkpoint(folder: str | Path) -> Path | None:
    """The newest checkpoint that was written to its end, or None."""
    found = [p for p in Path(folder).glob("checkpoint-*") if (p / COMPLETE_NAME).is_file()]
    return max(found, key=lambda p: int(p.name.rsplit("-", 1)[1]), default=None)


class MetricsFile(TrainerCallback):
    """Writes one JSON object per log event to ``metrics.jsonl`` and flushes it.

    Fields: ``step``, ``epoch``, ``loss`` or ``eval_loss``, ``learning_rate``, ``grad_norm``, ``grad_norm_<part>``,
    ``tokens_per_second`` (LLM positions, padding not counted, of this process), ``memory_mb``, ``seconds``.
    """

    def __init__(self, folder: str | Path) -> None:
        self._path = Path(folder) / METRICS_NAME
        self._norms: dict[str, float] = {}
        self._start = time.monotonic()
        self._tokens = 0
        self._since = self._start

    def count(self, attention_mask: torch.Tensor) -> None:
        """Adds a batch to the token count."""
        self._tokens += int(attention_mask.sum())

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._start = self._since = time.monotonic()
        if not state.is_world_process_zero:
            return
        kept: list[str] = []
        if self._path.is_file() and state.global_step:
            rows = [line for line in self._path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
            kept = [line for line in rows if json.loads(line).get("step", 0) <= state.global_step]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        squares: dict[str, torch.Tensor] = {}
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                square = parameter.grad.detach().float().square().sum()
                squares[part_of(name)] = squares.get(part_of(name), torch.zeros((), device=square.device)) + square
        self._norms = {f"grad_norm_{part}": float(value.sqrt()) for part, value in squares.items()}

    def write(self, row: dict[str, Any]) -> None:
        """Appends a row; a number that is not finite becomes null, which JSON can say."""
        row = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero or logs is None:
            return
        now = time.monotonic()
        row: dict[str, Any] = {"step": state.global_step, "max_steps": state.max_steps}
        row |= {k: v for k, v in logs.items() if k in ("epoch", "loss", "eval_loss", "learning_rate", "grad_norm")}
        if "loss" in logs:
            row |= self._norms
            row["tokens_per_second"] = round(self._tokens / max(now - self._since, 1e-9), 1)
            self._tokens, self._since = 0, now
        row["memory_mb"] = memory_megabytes()
        row["seconds"] = round(now - self._start, 2)
        self.write(row)


def memory_megabytes() -> int:
    """Peak memory: of the accelerator when one is in use, else the process's resident set."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated() / 2**20)
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset / 2**20)
    # Kibibytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
