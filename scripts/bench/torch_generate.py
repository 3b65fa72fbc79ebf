"""PyTorch/Transformers `generate` on the same weights and prompts, greedy, fixed length. Prints one JSON line.

usage: torch_generate.py MODEL BATCH THREADS NEW_TOKENS PROMPTS.json [bandwidth]
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, batch, threads, new_tokens, file = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
torch.set_num_threads(threads)


def bandwidth() -> float:
    """Bytes per second of a plain read of memory much larger than the caches, best of five."""
    x = torch.ones(256 * 1024 * 1024 // 4)
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        x.sum()
        best = min(best, time.perf_counter() - start)
    return x.numel() * 4 / best


def arithmetic() -> float:
    """float32 operations per second of a large square matrix product, best of five: what any engine could reach at most."""
    a, b = torch.randn(1536, 1536), torch.randn(1536, 1536)
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1536**3 / best


tokenizer = AutoTokenizer.from_pretrained(folder)
tokenizer.padding_side = "left"
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
model.generation_config.eos_token_id = None
inputs = tokenizer(json.load(open(file))[:batch], return_tensors="pt", padding=True, add_special_tokens=False)


def once(n: int) -> tuple[float, list]:
    start = time.perf_counter()
    with torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=n, do_sample=False, eos_token_id=None, pad_token_id=tokenizer.pad_token_id)
    return time.perf_counter() - start, out[:, inputs["input_ids"].shape[1] :].tolist()


once(4)
runs = [once(new_tokens) for _ in range(2)]
seconds, ids = min(runs, key=lambda r: r[0])
weights = sum(p.numel() * 4 for p in model.parameters())
# Prompt tokens need every layer but not the head; a new token needs both.
head = model.config.vocab_size * model.config.hidden_size
layers = weights // 4 - head
operations = 2 * batch * (inputs["input_ids"].shape[1] * layers + new_tokens * (layers + head))
print(
    json.dumps(
        {
            "tokensPerSecond": batch * new_tokens / seconds,
            "seconds": seconds,
            "bandwidth": bandwidth(),
            "arithmetic": arithmetic(),
            "operations": operations,
            "weightsBytes": weights,
            "ids": ids,
        }
    )
)
