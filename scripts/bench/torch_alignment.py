"""The states of an alignment analysis by PyTorch in float32: encoder, alignment layer, LLM; by length, batches of 16.

usage: torch_alignment.py ENCODER LM ADAPTER CONNECTOR LIFT_JSON THREADS LAYERS TEXTS.json

TEXTS.json is ``{"languages": [...], "reference": "en", "texts": {language: [...]}}``, row i of each language the same
problem. The text alone is the prompt, so the LLM reads the soft rows and nothing else. Attention is what Transformers
takes by itself (SDPA).
"""

import json
import sys
import time
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from lingualift_training.model.connector import Connector
from lingualift_training.model.encoder_text import EncoderText
from lingualift_training.model.loading import load_encoder, load_tokenizer

BATCH = 16

encoder_folder, lm_folder, adapter, connector_folder, manifest = sys.argv[1:6]
threads, layers = int(sys.argv[6]), [int(n) for n in sys.argv[7].split(",")]
asked = json.loads(Path(sys.argv[8]).read_text(encoding="utf-8"))
torch.set_num_threads(threads)

start = time.perf_counter()
encoder = load_encoder(encoder_folder)
tokenizer = load_tokenizer(encoder_folder)
connector = Connector.load(connector_folder).eval()
plain = AutoModelForCausalLM.from_pretrained(lm_folder, dtype=torch.float32)
lm = PeftModel.from_pretrained(plain, adapter).merge_and_unload().eval().model
text = EncoderText.from_json(json.loads(Path(manifest).read_text(encoding="utf-8"))["parts"]["encoder"])
loading = time.perf_counter() - start

start = time.perf_counter()
ids = [tokenizer(text.apply(t)).input_ids for language in asked["languages"] for t in asked["texts"][language]]
stages: dict[str, list[torch.Tensor]] = {name: [None] * len(ids) for name in ["encoder", "aligned"]}
stages |= {f"lm.{layer}": [None] * len(ids) for layer in layers}
order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
with torch.inference_mode():
    for at in range(0, len(order), BATCH):
        group = order[at : at + BATCH]
        lengths = torch.tensor([len(ids[i]) for i in group])
        width = int(lengths.max())
        inputs = torch.full((len(group), width), tokenizer.pad_token_id)
        for row, i in enumerate(group):
            inputs[row, : len(ids[i])] = torch.tensor(ids[i])
        mask = (torch.arange(width)[None] < lengths[:, None]).long()
        states = encoder(input_ids=inputs, attention_mask=mask).last_hidden_state
        soft, _ = connector(states, mask)
        # The end vector comes after the last row that is averaged, and a causal model's states do not depend on it.
        soft = soft[:, : width + 1]
        reads = (torch.arange(width + 1)[None] < lengths[:, None] + 1).long()
        hidden = lm(inputs_embeds=soft, attention_mask=reads, output_hidden_states=True, use_cache=False).hidden_states
        for row, i in enumerate(group):
            n = len(ids[i])
            stages["encoder"][i] = states[row, :n].mean(0)
            stages["aligned"][i] = soft[row, 1 : n + 1].mean(0)
            for layer in layers:
                stages[f"lm.{layer}"][i] = hidden[layer][row, 1 : n + 1].mean(0)
seconds = time.perf_counter() - start

rows: dict[str, dict[str, list[float]]] = {}
count = len(ids) // len(asked["languages"])
for name, vectors in stages.items():
    unit = torch.nn.functional.normalize(torch.stack(vectors).double(), dim=-1)
    tables = {language: unit[k * count : (k + 1) * count] for k, language in enumerate(asked["languages"])}
    for language, own in tables.items():
        if language == asked["reference"]:
            continue
        similarity = own @ tables[asked["reference"]].T
        ranks = 1 + (similarity > similarity.diagonal()[:, None]).sum(1)
        rows.setdefault(name, {})[language] = [float((ranks == 1).double().mean()), float((1 / ranks).mean())]
print(json.dumps({"loading": loading, "states": seconds, "tokens": sum(map(len, ids)), "rows": rows}))
