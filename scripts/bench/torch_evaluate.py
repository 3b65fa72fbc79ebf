"""PyTorch/Transformers `generate` over a list of prompts, sorted by length, batches of 16, greedy to the end of text.

usage: torch_evaluate.py MODEL THREADS NEW_TOKENS PROMPTS.json
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, threads, new_tokens, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
tokenizer = AutoTokenizer.from_pretrained(folder)
tokenizer.padding_side = "left"
eos = tokenizer.eos_token_id
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
prompts = json.load(open(file))
order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
ids: list[list[int]] = [[] for _ in prompts]
start = time.perf_counter()
with torch.no_grad():
    for at in range(0, len(order), 16):
        group = order[at : at + 16]
        inputs = tokenizer([prompts[i] for i in group], return_tensors="pt", padding=True, add_special_tokens=False)
        out = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False, pad_token_id=eos)
        for i, row in zip(group, out[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
            ids[i] = row[: row.index(eos) + 1] if eos in row else row
print(json.dumps({"seconds": time.perf_counter() - start, "newTokens": sum(map(len, ids)), "ids": ids}))
