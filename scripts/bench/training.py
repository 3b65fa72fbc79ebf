"""Training throughput: our Stage II and baseline beside the plain Hugging Face Trainer, on one LLM and the same rows.

All three train a LoRA of rank 16 on SmolLM2-135M with the same word problems, batch and threads. Tokens are positions of
the language model, padding not counted. The first two steps are left out of the figures. Prints one JSON line.

Both sides are timed by the same code around ``training_step``, in wall-clock and in processor time. On a machine that does
something else as well, PyTorch's threads wait for each other and wall-clock figures can be wrong many times over: so the
ratio is of processor time on one thread, and none is given when the plain Trainer, run first and last, disagrees with
itself by more than a tenth.

usage: training.py STEPS THREADS
"""

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml
from peft import LoraConfig, TaskType, get_peft_model
from transformers import Trainer, TrainingArguments, set_seed

from lingualift_training.data.examples import read_examples
from lingualift_training.model.connector import Connector, ConnectorConfig, embedding_scale
from lingualift_training.model.loading import encoder_width, load_encoder, load_llm, load_tokenizer
from lingualift_training.train.settings import load_settings
from lingualift_training.train.stages import run_stage
from lingualift_training.train.trainer import LiftTrainer

STEPS, THREADS = map(int, sys.argv[1:3])
BATCH, SKIP, RANK = 8, 2, 16
LLM, ENCODER = "base:smollm2-135m", "base:e5-small"
ROWS = f"{BATCH * STEPS * 2}:5"
TEXT, TARGET = "Question: {question}\nAnswer:", " {answer}"


AGREEMENT = 0.1


@contextlib.contextmanager
def clocked(trainer: type[Trainer]):
    """Notes wall-clock time, processor time and tokens at the end of every ``training_step`` of a Trainer class.

    The optimiser's share of a step falls into the next one, on both sides.
    """
    marks: list[tuple[float, float, int]] = []
    inner = trainer.training_step

    def training_step(self, model, inputs, *args, **kwargs):
        tokens = int(inputs["attention_mask"].sum())
        loss = inner(self, model, inputs, *args, **kwargs)
        marks.append((time.monotonic(), time.process_time(), tokens))
        return loss

    trainer.training_step = training_step
    try:
        yield marks
    finally:
        trainer.training_step = inner


def rates(marks: list[tuple[float, float, int]]) -> dict[str, float]:
    """Tokens per second of wall-clock (``wall``) and of processor time (``processor``), the first steps left out."""
    start, kept = marks[SKIP - 1], marks[SKIP:]
    tokens = sum(mark[2] for mark in kept)
    return {"wall": tokens / (kept[-1][0] - start[0]), "processor": tokens / (kept[-1][1] - start[1])}


def ours(stage: str, folder: Path) -> dict[str, float]:
    """Tokens per second of a stage of lingualift_training."""
    values = {
        "stage": stage,
        "output": str(folder / stage),
        "seed": 1,
        "model": {"llm": LLM} | ({"encoder": ENCODER, "connector": str(folder / "connector")} if stage == "stage2" else {}),
        "merge": {"mode": "replace", "order": ["start", "enc", "end"]},
        "prompts": {"text": TEXT, "target": TARGET},
        "data": [{"format": "generator", "path": ROWS}],
        "lora": {"rank": RANK, "alpha": 2 * RANK},
        "optim": {
            "max_steps": STEPS, "batch_size": BATCH, "log_steps": 1, "eval_steps": 0, "save_steps": 0, "held_out": 0,
            "cpu": True, "threads": THREADS, "cache_encoder_states": "never",
        },
    }  # fmt: skip
    path = folder / f"{stage}.yaml"
    path.write_text(yaml.safe_dump(values))
    with contextlib.redirect_stdout(io.StringIO()), clocked(LiftTrainer) as marks:
        run_stage(load_settings(path))
    return rates(marks)


def plain(folder: Path) -> dict[str, float]:
    """Tokens per second of transformers.Trainer with peft on the same rows as text."""
    set_seed(1)
    tokenizer = load_tokenizer(LLM)
    rows = []
    for example in read_examples(ROWS, "generator"):
        prompt = tokenizer(TEXT.replace("{question}", example.question), add_special_tokens=False)["input_ids"]
        target = tokenizer(TARGET.replace("{answer}", example.answer), add_special_tokens=False)["input_ids"]
        rows.append((prompt, [*target, tokenizer.eos_token_id]))

    def collate(batch):
        longest = max(len(p) + len(t) for p, t in batch)
        ids, mask, labels = [], [], []
        for p, t in batch:
            empty = longest - len(p) - len(t)
            ids.append(p + t + [tokenizer.eos_token_id] * empty)
            mask.append([1] * (longest - empty) + [0] * empty)
            labels.append([-100] * len(p) + t + [-100] * empty)
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "labels": torch.tensor(labels)}

    adapter = LoraConfig(task_type=TaskType.CAUSAL_LM, r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules="all-linear")
    trainer = Trainer(
        model=get_peft_model(load_llm(LLM), adapter),
        args=TrainingArguments(
            output_dir=str(folder / "plain"), max_steps=STEPS, per_device_train_batch_size=BATCH, use_cpu=True, save_strategy="no", report_to=[],
            disable_tqdm=True, logging_steps=10_000, remove_unused_columns=False, seed=1,
        ),
        train_dataset=rows,
        data_collator=collate,
    )
    with contextlib.redirect_stdout(io.StringIO()), clocked(Trainer) as marks:
        trainer.train()
    return rates(marks)


torch.set_num_threads(THREADS)
with tempfile.TemporaryDirectory() as work:
    folder = Path(work)
    embeddings = load_llm(LLM).get_input_embeddings().weight.detach()
    torch.manual_seed(1)
    width = encoder_width(load_encoder(ENCODER))
    Connector(ConnectorConfig("mlp", width, embeddings.shape[1], "both", scale=embedding_scale(embeddings))).save(folder / "connector")
    # The plain Trainer first and last: a machine that grows slower in between shows in the two.
    first = plain(folder)
    found = {"stage2": ours("stage2", folder), "baseline": ours("baseline", folder)}
    again = plain(folder)
base = (first["processor"] + again["processor"]) / 2
apart = abs(first["processor"] - again["processor"]) / base
report = {"steps": STEPS, "threads": THREADS, "batch": BATCH, "tokensPerSecond": {**found, "plainFirst": first, "plainLast": again}}
if apart > AGREEMENT:
    report["noRatio"] = f"the plain Trainer differs from itself by {apart:.0%} between first and last: the machine is not quiet"
else:
    report["overPlainTrainer"] = {name: value["processor"] / base for name, value in found.items()}
print(json.dumps(report))
