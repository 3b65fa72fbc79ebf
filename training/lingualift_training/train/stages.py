"""Stage I, Stage II and the baseline."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from collections import defaultdict
from pathlib import Path
from typing import Any

import accelerate
import peft
import torch
import transformers
from sacrebleu.metrics import CHRF
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed

from ..model.loading import BASE_PREFIX
from .interrupt import Interrupted, StopSignals
from .rows import Collator, EncoderStates, Rows
from .settings import Settings, SettingsError
from .setup import Assembled, assemble, stage_rows
from .stream import StoredRows, stored_rows
from .trainer import LiftTrainer, MetricsFile, last_checkpoint

SETTINGS_NAME = "settings.json"
RESULT_NAME = "result.json"
ADAPTER_FOLDER = "adapter"


def fingerprint(settings: Settings) -> str:
    """SHA-256 of all settings that training depends on: output folder and export are left out."""
    values = dataclasses.asdict(settings)
    for name in ("output", "export"):
        values.pop(name)
    if not settings.optim.rows_on_disk:
        # Runs that were begun before this setting was there keep their fingerprint.
        values["optim"].pop("rows_on_disk")
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions that can change a result."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
        "peft": peft.__version__,
    }


def prepare_output(settings: Settings, restart: bool = False) -> Path | None:
    """Claims the output folder; returns the checkpoint to resume from, if any.

    Raises:
        SettingsError: the folder belongs to a run with other settings.
    """
    folder = Path(settings.output)
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / SETTINGS_NAME
    mine = {"fingerprint": fingerprint(settings), "settings": dataclasses.asdict(settings)}
    if marker.is_file() and not restart:
        other = json.loads(marker.read_text(encoding="utf-8"))
        if other.get("fingerprint") != mine["fingerprint"]:
            raise SettingsError(
                f"{folder} holds a run with other settings; choose another output folder, or start again with --restart"
            )
        return last_checkpoint(folder)
    if restart:
        for checkpoint in folder.glob("checkpoint-*"):
            (checkpoint / "complete").unlink(missing_ok=True)
        (folder / RESULT_NAME).unlink(missing_ok=True)
    marker.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8")
    return None


def training_arguments(settings: Settings, has_held_out: bool) -> TrainingArguments:
    """The Trainer's arguments for a run."""
    optim = settings.optim
    evaluate = has_held_out and optim.eval_steps > 0
    save_steps = optim.save_steps
    if evaluate and save_steps % optim.eval_steps:
        raise SettingsError(
            f"optim.save_steps ({save_steps}) must be a multiple of optim.eval_steps ({optim.eval_steps}), so that the "
            "best checkpoint can be chosen by held-out loss"
        )
    return TrainingArguments(
        output_dir=settings.output,
        seed=settings.seed,
        data_seed=settings.seed,
        num_train_epochs=optim.epochs,
        max_steps=optim.max_steps,
        per_device_train_batch_size=optim.batch_size,
        per_device_eval_batch_size=optim.batch_size,
        gradient_accumulation_steps=optim.accumulation,
        activation_checkpointing=optim.gradient_checkpointing,
        lr_scheduler_type=optim.schedule,
        warmup_steps=optim.warmup_ratio if optim.warmup_ratio else 0,
        max_grad_norm=optim.max_grad_norm,
        bf16=optim.precision == "bf16",
        logging_steps=optim.log_steps,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=optim.eval_steps if evaluate else None,
        save_strategy="steps" if save_steps > 0 else "no",
        save_steps=max(1, save_steps),
        save_total_limit=optim.keep_checkpoints,
        load_best_model_at_end=evaluate and save_steps > 0,
        metric_for_best_model="eval_loss" if evaluate else None,
        greater_is_better=False if evaluate else None,
        prediction_loss_only=True,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=[],
        disable_tqdm=True,
        use_cpu=optim.cpu,
        ddp_backend="gloo" if optim.cpu and int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
        ddp_find_unused_parameters=False,
        fsdp=optim.fsdp or None,
        deepspeed=optim.deepspeed,
    )


class Reconstruction(TrainerCallback):
    """Stage I: reconstructs held-out mixed sentences and writes their chrF per language into the metrics."""

    def __init__(
        self, assembled: Assembled, rows: Rows, languages: list[str], samples: int, metrics: MetricsFile
    ) -> None:
        self._assembled, self._rows, self._metrics = assembled, rows, metrics
        self._by_language: dict[str, list[int]] = defaultdict(list)
        for index, language in enumerate(languages[: len(rows)]):
            if len(self._by_language[language]) < samples:
                self._by_language[language].append(index)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        scores, sample = {}, {}
        for language, indices in self._by_language.items():
            written = complete(self._assembled, self._rows, indices)
            wanted = [self._rows.examples[i].answer for i in indices]
            scores[language] = round(CHRF().corpus_score(written, [wanted]).score, 2)
            sample[language] = {"input": (self._rows.switched or wanted)[indices[0]], "output": written[0]}
        self._metrics.write({"step": state.global_step, "reconstruction_chrf": scores, "reconstruction_sample": sample})


@torch.no_grad()
def complete(assembled: Assembled, rows: Rows, indices: list[int], max_new_tokens: int = 64) -> list[str]:
    """Greedy completions of rows, without their targets."""
    collator = Collator(assembled.llm_pad_id, assembled.encoder_pad_id)
    prompts = [{**rows[i], "target_ids": []} for i in indices]
    batch = collator(prompts)
    batch.pop("labels")
    batch = {name: value.to(assembled.model.device) for name, value in batch.items()}
    training = assembled.model.training
    assembled.model.eval()
    ids = assembled.model.generate(
        **batch,
        max_new_tokens=max_new_tokens,
        pad_token_id=assembled.llm_pad_id,
        eos_token_id=assembled.builder.eos_id,
    )
    assembled.model.train(training)
    return [t.strip() for t in assembled.llm_tokenizer.batch_decode(ids, skip_special_tokens=True)]


def _cache_states(settings: Settings, assembled: Assembled, train: Rows | StoredRows) -> None:
    choice = settings.optim.cache_encoder_states
    frozen = assembled.model.merge.uses_encoder and "encoder" not in assembled.model.trainable
    if frozen and (choice == "always" or (choice == "auto" and settings.optim.epochs > 1)):
        folder = Path(settings.output) / f"encoder-states-{os.environ.get('RANK', '0')}"
        train.states = EncoderStates.make(folder, train, assembled.model.encoder, assembled.encoder_pad_id)


def save_result(settings: Settings, assembled: Assembled, dtype: torch.dtype = torch.float16) -> list[str]:
    """Writes what the stage trained: alignment layer, adapter or language model; returns the file names.

    Adapters and alignment layers are stored in ``dtype``; a fully trained language model keeps its own.
    """
    folder = Path(settings.output)
    model = assembled.model
    written: list[str] = []
    if "connector" in model.trainable:
        model.connector.save(folder, dtype)
        written += ["connector.safetensors", "connector.json"]
    if assembled.adapter is not None:
        target = folder / ADAPTER_FOLDER
        for config in assembled.adapter.peft_config.values():
            config.base_model_name_or_path = Path(settings.model.llm.removeprefix(BASE_PREFIX)).name
        assembled.adapter.save_pretrained(target, save_embedding_layers=False)
        weights = target / "adapter_model.safetensors"
        save_file({k: v.to(dtype).contiguous() for k, v in load_file(weights).items()}, weights, {"format": "pt"})
        (target / "README.md").unlink(missing_ok=True)
        written += [f"{ADAPTER_FOLDER}/adapter_model.safetensors", f"{ADAPTER_FOLDER}/adapter_config.json"]
    elif "llm" in model.trainable or "lm_head" in model.trainable:
        model.llm.save_pretrained(folder / "llm")
        assembled.llm_tokenizer.save_pretrained(folder / "llm")
        written.append("llm")
    if "encoder" in model.trainable:
        model.encoder.save_pretrained(folder / "encoder")
        written.append("encoder")
    return written


def run_stage(settings: Settings, restart: bool = False) -> dict[str, Any]:
    """Runs Stage I, Stage II or the baseline; resumes by itself when the output folder holds a checkpoint.

    Returns:
        The content of ``result.json``: steps, losses, number of rows, files, versions.

    Raises:
        Interrupted: a signal stopped the run; its checkpoint is written.
    """
    with StopSignals().installed() as stop:
        return _run_stage(settings, restart, stop)


def _run_stage(settings: Settings, restart: bool, stop: StopSignals) -> dict[str, Any]:
    main = int(os.environ.get("RANK", "0")) == 0
    resume = prepare_output(settings, restart) if main else last_checkpoint(settings.output)
    if settings.optim.threads:
        torch.set_num_threads(settings.optim.threads)
    set_seed(settings.seed)
    assembled = assemble(settings)
    train: Rows | StoredRows
    if settings.optim.rows_on_disk:
        folder = Path(settings.output) / f"rows-{os.environ.get('RANK', '0')}"
        train, held = stored_rows(settings, assembled.builder, folder)
    else:
        train, held = stage_rows(settings, assembled.builder)
    _cache_states(settings, assembled, train)
    metrics = MetricsFile(settings.output)
    trainer = LiftTrainer(
        optim=settings.optim,
        metrics=metrics,
        model=assembled.model,
        args=training_arguments(settings, held is not None),
        train_dataset=train,
        eval_dataset=held,
        data_collator=Collator(assembled.llm_pad_id, assembled.encoder_pad_id),
    )
    if settings.stage == "stage1" and held is not None and settings.optim.reconstruction_samples:
        trainer.add_callback(
            Reconstruction(assembled, held, _languages(settings, held), settings.optim.reconstruction_samples, metrics)
        )
    trainer.add_callback(stop)
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    if stop.asked and outcome.global_step < trainer.state.max_steps:
        raise Interrupted(outcome.global_step)
    result: dict[str, Any] = {
        "stage": settings.stage,
        "fingerprint": fingerprint(settings),
        "steps": outcome.global_step,
        "train_loss": outcome.training_loss,
        "held_out_loss": trainer.evaluate()["eval_loss"] if held is not None else None,
        "rows": len(train),
        "held_out_rows": len(held) if held is not None else 0,
        "trained_parameters": sum(p.numel() for p in assembled.model.parameters() if p.requires_grad),
        "versions": versions(),
    }
    if trainer.is_world_process_zero():
        result["files"] = save_result(settings, assembled)
        (Path(settings.output) / RESULT_NAME).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def _languages(settings: Settings, held: Rows) -> list[str]:
    from .setup import switch_all

    if held.languages is not None:
        return held.languages
    questions = [e.question for e in held.examples[:: settings.code_switch.draws]]
    return [mixed.language for mixed in switch_all(settings, questions)]
