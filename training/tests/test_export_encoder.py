"""Encoder graphs and alignment layers against PyTorch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    MT5Config,
    MT5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from lingualift_training.export.assemble import write_encoder_folder
from lingualift_training.export.encoder_checkpoint import read_encoder
from lingualift_training.export.errors import ExportError
from lingualift_training.export.selftest import open_session
from lingualift_training.model.connector import Connector, ConnectorConfig

VOCAB, WIDTH, OUT = 500, 64, 96
LENGTHS = np.array([4, 11, 1, 150, 64])

BERT: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
}
T5: dict[str, Any] = {
    "vocab_size": VOCAB,
    "d_model": WIDTH,
    "d_kv": 32,
    "d_ff": 128,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "gated-gelu",
}
ENCODERS: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertModel(BertConfig(**BERT, max_position_embeddings=160), add_pooling_layer=False),
    "xlm-roberta": lambda: XLMRobertaModel(
        XLMRobertaConfig(**BERT, max_position_embeddings=162, pad_token_id=1), add_pooling_layer=False
    ),
    "mt5": lambda: MT5EncoderModel(MT5Config(**T5)),
    "umt5": lambda: UMT5EncoderModel(UMT5Config(**T5)),
}
CONNECTORS = [("mlp", "both"), ("linear", "end"), ("mlp-relu", "none"), ("perceiver", "start")]


def make(name: str) -> Any:
    torch.manual_seed(0)
    model = ENCODERS[name]().float().eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def make_connector(kind: str, boundary: str) -> Connector:
    torch.manual_seed(1)
    config = ConnectorConfig(
        type=kind, input_size=WIDTH, output_size=OUT, boundary=boundary, scale=0.1, latents=5, heads=4
    )
    return Connector(config).eval()


def batch(pad: int) -> dict[str, np.ndarray]:
    size = LENGTHS.max()
    ids = np.random.default_rng(0).integers(5, VOCAB, (len(LENGTHS), size))
    mask = (np.arange(size)[None] < LENGTHS[:, None]).astype(np.int64)
    return {"input_ids": np.where(mask == 1, ids, pad), "attention_mask": mask}


@pytest.mark.parametrize("name", ENCODERS)
def test_graphs_compute_what_pytorch_computes(name: str, tmp_path: Path) -> None:
    model = make(name)
    encoder = read_encoder(model)
    feeds = batch(encoder.spec.pad_id)
    mask = torch.tensor(feeds["attention_mask"])
    with torch.no_grad():
        passed = model(
            input_ids=torch.tensor(feeds["input_ids"]),
            attention_mask=mask,
            output_hidden_states=True,
            output_attentions=True,
        )
    valid = feeds["attention_mask"] == 1
    for kind, boundary in CONNECTORS:
        connector = make_connector(kind, boundary)
        folder = tmp_path / kind / "fp32"
        write_encoder_folder(encoder, connector, "fp32", folder)
        rows, counts, hidden = open_session(folder / "encoder.onnx", 1).run(None, feeds)
        with torch.no_grad():
            expected, lengths = connector(passed.last_hidden_state, mask)
        assert counts.tolist() == lengths.tolist()
        np.testing.assert_allclose(rows, expected, atol=2e-5)
        np.testing.assert_allclose(hidden[valid], passed.last_hidden_state[mask == 1], atol=2e-5)
    session = open_session(folder / "encoder_probe.onnx", 1)
    probe = dict(zip([output.name for output in session.get_outputs()], session.run(None, feeds), strict=True))
    for index, state in enumerate(passed.hidden_states):
        np.testing.assert_allclose(probe[f"hidden.{index}"][valid], state.numpy()[valid], atol=2e-5)
    for index, attention in enumerate(passed.attentions):
        for row, length in enumerate(LENGTHS):
            found = probe[f"attention.{index}"][row, :, :length, :length]
            np.testing.assert_allclose(found, attention[row, :, :length, :length], atol=1e-5)
            np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5, err_msg="padding takes no attention")
            assert not probe[f"attention.{index}"][row, :, :length, length:].any()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["bert", "mt5"])
def test_a_text_does_not_depend_on_its_batch_in_any_bit(name: str, precision: str, tmp_path: Path) -> None:
    encoder = read_encoder(make(name))
    write_encoder_folder(encoder, make_connector("mlp", "both"), precision, tmp_path / precision)
    session = open_session(tmp_path / precision / "encoder.onnx", 1)
    feeds = batch(encoder.spec.pad_id)
    together = session.run(["prefix_embeds"], feeds)[0]
    for row, length in enumerate(LENGTHS):
        alone = session.run(["prefix_embeds"], {key: x[row : row + 1, :length] for key, x in feeds.items()})[0][0]
        assert (alone == together[row, : length + 2]).all()
        assert not together[row, length + 2 :].any()


def test_the_quantised_table_stays_near_the_original(tmp_path: Path) -> None:
    encoder = read_encoder(make("bert"))
    connector, feeds = make_connector("mlp", "both"), batch(encoder.spec.pad_id)
    found = []
    for precision in ("fp32", "int8"):
        write_encoder_folder(encoder, connector, precision, tmp_path / precision)
        found.append(open_session(tmp_path / precision / "encoder.onnx", 1).run(["prefix_embeds"], feeds)[0])
    assert np.sqrt(np.square(found[1] - found[0]).mean()) / found[0].std() < 0.02


def test_other_activations_are_refused() -> None:
    model = make("bert")
    model.config.hidden_act = "relu"
    with pytest.raises(ExportError, match="relu"):
        read_encoder(model)
