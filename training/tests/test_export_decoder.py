"""Decoder graphs against Transformers, and against themselves alone and in a batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from lingualift_training.export.assemble import write_decoder_folder
from lingualift_training.export.checkpoint import read_decoder
from lingualift_training.export.errors import ExportError
from lingualift_training.export.selftest import Case, open_session
from lingualift_training.export.smooth import channel_maxima, smooth

VOCAB, WIDTH, NEW = 400, 64, 12
LENGTHS = np.array([7, 33, 20, 1, 40, 34])
"""33 is one more than a block of queries of the attention kernel at this head size."""

SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCAB,
    "max_position_embeddings": 256,
    "initializer_range": 0.08,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 64,
}

MODELS: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=PLAIN)),
    "llama-tied-scaled": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZES, head_dim=32, tie_word_embeddings=True, rope_parameters=LLAMA3)
    ),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=True, rope_parameters=PLAIN)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=32, rope_parameters=PLAIN)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=16, rope_parameters=PLAIN)),
    "smollm3": lambda: SmolLM3ForCausalLM(
        SmolLM3Config(**{**SIZES, "num_hidden_layers": 4}, no_rope_layer_interval=4, rope_parameters=PLAIN)
    ),
}


CASES = [Case(np.random.default_rng(seed).integers(3, VOCAB, 20).tolist()) for seed in range(4)]


def make(name: str) -> Any:
    torch.manual_seed(0)
    model = MODELS[name]().float().eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "norm" in key:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            if key.endswith("bias"):
                parameter.copy_(0.1 * torch.randn_like(parameter))
    return model


class Played:
    """The graphs of one folder, with prompts that mix tokens and soft rows."""

    def __init__(self, model: Any, folder: Path, precision: str) -> None:
        decoder = read_decoder(model)
        if precision == "int8":
            decoder = smooth(decoder, channel_maxima(model, None, None, CASES))
        write_decoder_folder(decoder, precision, folder, 0)
        self.folder, self.spec = folder, decoder.spec
        self.dtype = np.float16 if precision == "fp16" else np.float32
        generator = np.random.default_rng(0)
        self.ids = generator.integers(3, VOCAB, (len(LENGTHS), LENGTHS.max()))
        self.ids[LENGTHS > 3, 1] = -1
        self.ids[LENGTHS > 3, 2] = -3
        self.soft = (generator.standard_normal((len(LENGTHS), 3, WIDTH)) * 0.1).astype(np.float32)

    def prompts(self, rows: list[int]) -> dict[str, np.ndarray]:
        lengths = LENGTHS[rows]
        return {
            "input_ids": self.ids[rows][:, : lengths.max()],
            "soft_embeds": self.soft[rows],
            "seq_lengths": lengths,
        }

    def cache(self, rows: int) -> dict[str, np.ndarray]:
        shape = (rows, self.spec.kv_heads, 0, self.spec.head_dim)
        names = [f"past_key_values.{i}.{part}" for i in range(self.spec.layers) for part in ("key", "value")]
        return {name: np.zeros(shape, self.dtype) for name in names}

    def run(self, graph: str, feeds: dict[str, np.ndarray], outputs: list[str] | None = None) -> dict[str, np.ndarray]:
        session = self.__dict__.setdefault(f"_{graph}", None) or open_session(self.folder / f"{graph}.onnx", 1)
        self.__dict__[f"_{graph}"] = session
        names = outputs or [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds), strict=True))

    def generate(self, rows: list[int], **changes: Any) -> dict[str, np.ndarray]:
        feeds = {
            **self.prompts(rows),
            "max_new_tokens": np.array(NEW),
            "eos_ids": np.array([], np.int64),
            "stop_count": np.array(len(rows)),
            "past_lengths": np.zeros(len(rows), np.int32),
            "done_in": np.zeros(len(rows), bool),
            **self.cache(len(rows)),
        }
        return self.run("generate", {**feeds, **changes})

    def step(self, rows: list[int]) -> dict[str, np.ndarray]:
        return self.run(
            "step",
            {**self.prompts(rows), "past_lengths": np.zeros(len(rows), np.int32), **self.cache(len(rows))},
        )

    def vectors(self, model: Any, row: int) -> torch.Tensor:
        ids = self.ids[row, : LENGTHS[row]]
        out = model.get_input_embeddings()(torch.tensor(np.maximum(ids, 0)))[None].detach().clone()
        for place, token in enumerate(ids):
            if token < 0:
                out[0, place] = torch.tensor(self.soft[row, -token - 1])
        return out


EVERY = list(range(len(LENGTHS)))


@pytest.mark.parametrize("name", MODELS)
def test_fp32_graphs_compute_what_transformers_computes(name: str, tmp_path: Path) -> None:
    model = make(name)
    played = Played(model, tmp_path / "fp32", "fp32")
    answers = played.generate(EVERY)
    probe = played.run("probe", played.prompts(EVERY))
    step = played.step(EVERY)
    labels = np.where(np.arange(LENGTHS.max()) < LENGTHS[:, None] - 1, np.roll(np.abs(played.ids), -1, 1), -100)
    score = played.run("score", {**played.prompts(EVERY), "labels": labels})
    for row in EVERY:
        vectors, length = played.vectors(model, row), LENGTHS[row]
        with torch.no_grad():
            ones = torch.ones(vectors.shape[:2], dtype=torch.long)
            out = model.generate(
                inputs_embeds=vectors, attention_mask=ones, max_new_tokens=NEW, do_sample=False, eos_token_id=None,
                output_logits=True, return_dict_in_generate=True,
            )  # fmt: skip
            passed = model(inputs_embeds=vectors, output_attentions=True, output_hidden_states=True)
        assert answers["tokens"][:, row].tolist() == out.sequences[0].tolist()
        best = [torch.log_softmax(x[0], -1).max().item() for x in out.logits]
        np.testing.assert_allclose(answers["token_logprobs"][:, row], best, atol=1e-4)
        np.testing.assert_allclose(probe["logits"][row, :length], passed.logits[0], atol=1e-4)
        np.testing.assert_allclose(step["logits"][row], passed.logits[0, -1], atol=1e-4)
        for index, hidden in enumerate(passed.hidden_states):
            np.testing.assert_allclose(probe[f"hidden.{index}"][row, :length], hidden[0], atol=1e-4)
        for index, attention in enumerate(passed.attentions):
            found = probe[f"attention.{index}"][row, :, :length, :length]
            np.testing.assert_allclose(found, attention[0], atol=1e-5)
            np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5, err_msg="padding takes no attention")
            assert not np.triu(found, 1).any(), "nothing looks ahead"
        logprobs = torch.log_softmax(passed.logits[0], -1).numpy()
        for place in range(length - 1):
            label = labels[row, place]
            assert abs(score["token_logprobs"][row, place] - logprobs[place, label]) < 1e-4
            assert score["is_argmax"][row, place] == (logprobs[place].argmax() == label)
        assert not score["token_logprobs"][row, length - 1 :].any()


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
@pytest.mark.parametrize("name", ["llama", "llama-tied-scaled", "qwen3"])
def test_a_row_does_not_depend_on_its_batch_in_any_bit(name: str, precision: str, tmp_path: Path) -> None:
    played = Played(make(name), tmp_path / precision, precision)
    together, stepped = played.generate(EVERY), played.step(EVERY)
    for row in EVERY:
        alone = played.step([row])
        assert (alone["logits"][0] == stepped["logits"][row]).all()
        length = LENGTHS[row]
        for key in (name for name in alone if name.startswith("present.")):
            assert (alone[key][0][:, :length] == stepped[key][row][:, :length]).all()
        assert played.generate([row])["tokens"][:, 0].tolist() == together["tokens"][:, row].tolist()


def test_generation_in_chunks_gives_the_same_tokens(tmp_path: Path) -> None:
    played = Played(make("llama"), tmp_path / "fp32", "fp32")
    whole = played.generate(EVERY)
    first = played.generate(EVERY, max_new_tokens=np.array(5))
    cache = {name.replace("present", "past_key_values"): x for name, x in first.items() if name.startswith("present")}
    second = played.generate(
        EVERY,
        input_ids=first["tokens"][-1][:, None],
        seq_lengths=np.ones(len(EVERY), np.int64),
        past_lengths=first["cache_lengths"],
        done_in=first["done"],
        max_new_tokens=np.array(NEW - 5),
        **cache,
    )
    assert (np.concatenate([first["tokens"], second["tokens"]]) == whole["tokens"]).all()
    # The last token chosen is not in the cache yet.
    assert (second["cache_lengths"] == LENGTHS + NEW - 1).all()


def test_end_tokens_stop_rows_and_the_stop_count_stops_the_loop(tmp_path: Path) -> None:
    played = Played(make("llama"), tmp_path / "fp32", "fp32")
    tokens = played.generate(EVERY)["tokens"]
    end = tokens[3, 0]
    expected = [int(np.argmax(column == end)) + 1 if end in column else NEW for column in tokens.T]
    out = played.generate(EVERY, eos_ids=np.array([end]))
    assert out["num_tokens"].tolist() == expected
    assert out["done"].tolist() == [end in column for column in tokens.T]
    early = played.generate(EVERY, eos_ids=np.array([end]), stop_count=np.array(1))
    assert early["tokens"].shape[0] == min(expected)


def test_half_precision_stays_near_float32(tmp_path: Path) -> None:
    model = make("llama")
    half, full = Played(model, tmp_path / "fp16", "fp16"), Played(model, tmp_path / "fp32", "fp32")
    np.testing.assert_allclose(half.step(EVERY)["logits"], full.step(EVERY)["logits"], atol=0.05)


def test_quantised_logits_stay_near_float32(tmp_path: Path) -> None:
    model = make("llama")
    full = Played(model, tmp_path / "fp32", "fp32").step(EVERY)["logits"]
    for precision, allowed in (("int8", 0.04), ("int4", 0.4)):
        found = Played(model, tmp_path / precision, precision).step(EVERY)["logits"]
        error = np.sqrt(np.square(found - full).mean()) / full.std()
        assert error < allowed, f"{precision}: relative error {error:.3f}"


def test_smoothing_changes_nothing_but_rounding(tmp_path: Path) -> None:
    model = make("llama")
    decoder = read_decoder(model)
    changed = smooth(decoder, channel_maxima(model, None, None, CASES))
    value = "model.layers.0.self_attn.v_proj.weight"
    assert not np.allclose(changed.get(value), decoder.get(value))
    logits = []
    for name, one in (("plain", decoder), ("smooth", changed)):
        write_decoder_folder(one, "fp32", tmp_path / name, 0)
        played = Played.__new__(Played)
        played.folder, played.spec, played.dtype = tmp_path / name, one.spec, np.float32
        played.ids = np.random.default_rng(0).integers(3, VOCAB, (len(LENGTHS), LENGTHS.max()))
        played.soft = np.zeros((len(LENGTHS), 0, WIDTH), np.float32)
        logits.append(played.step(EVERY)["logits"])
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model_type": "gpt_neox"}, "gpt_neox"),
        ({"hidden_act": "relu"}, "relu"),
        ({"head_dim": 24}, "24"),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(change: dict[str, Any], word: str) -> None:
    model = make("llama")
    for key, value in change.items():
        setattr(model.config, key, value)
    with pytest.raises(ExportError, match=word):
        read_decoder(model)
