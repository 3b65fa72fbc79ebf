"""Training throughput: our Stage II and baseline beside the plain Hugging Face Trainer, on one LLM and the same rows.

All three train a LoRA of rank 16 on SmolLM2-135M with the same word problems, batch and threads. Tokens are positions of
the language model, padding not counted. The first two steps are left out of the figures. Prints one JSON line.

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

STEPS, THREADS = map(int, sys.argv[1:3])
BATCH, SKIP, RANK = 8, 2, 16
LLM, ENCODER = "base:smollm2-135m", "base:e5-small"
ROWS = f"{BATCH * STEPS * 2}:5"
TEXT, TARGET = "Question: {question}\nAnswer:", " {answer}"


def rate(marks: list[tuple[float, int]]) -> float:
    """Tokens per second from (time at a step's end, tokens of the step), the first steps left out."""
    kept = marks[SKIP:]
    return sum(tokens for _, tokens in kept) / (kept[-1][0] - marks[SKIP - 1][0])


def ours(stage: str, folder: Path) -> float:
    """Tokens per second of a stage of lingualift_training, from its own metrics."""
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
    with contextlib.redirect_stdout(io.StringIO()):
        run_stage(load_settings(path))
    rows = [json.loads(line) for line in (folder / stage / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if "tokens_per_second" in row]
    marks, before = [], 0.0
    for row in rows:
        marks.append((row["seconds"], row["tokens_per_second"] * (row["seconds"] - before)))
        before = row["seconds"]
    return rate(marks)


class Counting(Trainer):
    """The plain Trainer, with a clock."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.marks = []

    def training_step(self, model, inputs, *args, **kwargs):
        tokens = int(inputs["attention_mask"].sum())
        loss = super().training_step(model, inputs, *args, **kwargs)
        # The optimiser's share of a step falls into the next one.
        self.marks.append((time.monotonic(), tokens))
        return loss


def plain(folder: Path) -> float:
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
    trainer = Counting(
        model=get_peft_model(load_llm(LLM), adapter),
        args=TrainingArguments(
            output_dir=str(folder / "plain"), max_steps=STEPS, per_device_train_batch_size=BATCH, use_cpu=True, save_strategy="no", report_to=[],
            disable_tqdm=True, logging_steps=10_000, remove_unused_columns=False, seed=1,
        ),
        train_dataset=rows,
        data_collator=collate,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    return rate(trainer.marks)


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
base = (first + again) / 2
print(json.dumps({
    "steps": STEPS, "threads": THREADS, "batch": BATCH, "tokensPerSecond": {**found, "plainTrainer": base, "plainTrainerFirstAndLast": [first, again]},
    "overPlainTrainer": {name: value / base for name, value in found.items()},
}))
