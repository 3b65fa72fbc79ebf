"""The alignment layer: shapes, boundary rows, batch independence, export, storage."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lingualift_training.model.connector import Connector, ConnectorConfig, embedding_scale

TYPES = ["linear", "mlp", "mlp-relu", "perceiver"]
BOUNDARIES = ["none", "start", "end", "both"]


def build(type_: str = "mlp", boundary: str = "both", scale: float = 0.1) -> Connector:
    torch.manual_seed(0)
    return Connector(ConnectorConfig(type_, 16, 24, boundary, scale=scale, latents=3, heads=4, layers=2)).eval()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]])
    return torch.randn(3, 5, 16, generator=generator), mask


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_rows_are_start_states_end_zeros(type_: str, boundary: str) -> None:
    connector = build(type_, boundary)
    states, mask = batch()
    soft, lengths = connector(states, mask)
    start, end = int(connector.config.has_start), int(connector.config.has_end)
    inner = [3, 3, 3] if type_ == "perceiver" else [3, 5, 1]
    assert lengths.dtype == torch.int64
    assert lengths.tolist() == [n + start + end for n in inner]
    assert soft.shape == (3, max(inner) + start + end, 24)
    for row, n in enumerate(inner):
        if start:
            torch.testing.assert_close(soft[row, 0], connector.start)
        if end:
            torch.testing.assert_close(soft[row, n + start], connector.end)
        if type_ != "perceiver":
            torch.testing.assert_close(soft[row, start : n + start], connector.map_states(states[row, :n]))
        assert soft[row, lengths[row] :].abs().sum() == 0


@pytest.mark.parametrize("type_", TYPES)
def test_a_row_alone_equals_the_row_in_a_batch(type_: str) -> None:
    connector = build(type_)
    states, mask = batch()
    soft, lengths = connector(states, mask)
    for row in range(3):
        n = int(mask[row].sum())
        alone, length = connector(states[row : row + 1, :n], mask[row : row + 1, :n])
        assert length.item() == lengths[row].item()
        torch.testing.assert_close(alone[0, : int(length)], soft[row, : int(length)])


def test_content_of_padding_never_matters() -> None:
    for type_ in TYPES:
        connector = build(type_)
        states, mask = batch()
        dirty = states.masked_fill(mask[..., None] == 0, 1e4)
        torch.testing.assert_close(connector(states, mask)[0], connector(dirty, mask)[0])


def test_hidden_width_is_twice_the_encoder() -> None:
    assert build("mlp").hidden.weight.shape == (32, 16)


def test_mlp_uses_exact_gelu_and_mindmerger_relu() -> None:
    states = torch.randn(2, 16)
    for type_, activation in (("mlp", nn.GELU(approximate="none")), ("mlp-relu", nn.ReLU())):
        connector = build(type_)
        torch.testing.assert_close(
            connector.map_states(states), connector.project(activation(connector.hidden(states)))
        )


def test_boundary_vectors_have_the_scale_of_the_embeddings() -> None:
    table = torch.randn(100, 24) * 0.137
    connector = build(scale=embedding_scale(table))
    for vector in connector.boundary_vectors():
        assert embedding_scale(vector) == pytest.approx(embedding_scale(table), rel=1e-5)


@pytest.mark.parametrize("type_", TYPES)
def test_exports_with_dynamic_shapes(type_: str) -> None:
    connector = build(type_)
    states, mask = batch()
    dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    program = torch.export.export(connector, (states, mask), dynamic_shapes=(dims, dims))
    wide = torch.randn(4, 9, 16)
    lengths = torch.tensor([2, 9, 4, 1])
    wide_mask = (torch.arange(9)[None] < lengths[:, None]).long()
    expected, rows = connector(wide, wide_mask)
    actual, actual_rows = program.module()(wide, wide_mask)
    torch.testing.assert_close(actual, expected)
    assert actual_rows.tolist() == rows.tolist()


@pytest.mark.parametrize("type_", TYPES)
def test_gradients_match_finite_differences(type_: str) -> None:
    connector = build(type_).double()
    states, mask = batch()
    states = states.double()
    names = [name for name, _ in connector.named_parameters()]

    def run(*values: torch.Tensor) -> torch.Tensor:
        soft, _ = torch.func.functional_call(connector, dict(zip(names, values, strict=True)), (states, mask))
        return soft.square().sum()

    values = tuple(p.detach().requires_grad_() for p in connector.parameters())
    assert torch.autograd.gradcheck(run, values, eps=1e-6, atol=1e-5, fast_mode=True)


def test_save_and_load(tmp_path: Path) -> None:
    connector = build("perceiver", "end")
    connector.save(tmp_path)
    again = Connector.load(tmp_path)
    assert again.config == connector.config
    states, mask = batch()
    torch.testing.assert_close(again(states, mask)[0], connector(states, mask)[0], rtol=0, atol=0)


def test_half_precision_storage_loads_as_float32(tmp_path: Path) -> None:
    connector = build()
    connector.save(tmp_path, torch.float16)
    again = Connector.load(tmp_path)
    assert again.project.weight.dtype == torch.float32
    torch.testing.assert_close(again.project.weight, connector.project.weight.half().float(), rtol=0, atol=0)


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown alignment layer type 'cnn'"):
        ConnectorConfig("cnn", 4, 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sizes must be positive"):
        ConnectorConfig("mlp", 0, 4)
    with pytest.raises(FileNotFoundError, match=r"connector\.json"):
        Connector.load(tmp_path)
    build("linear").save(tmp_path)
    (tmp_path / "connector.json").write_text('{"type":"mlp","in":16,"out":24,"boundary":"both","scale":1}')
    with pytest.raises(ValueError, match="does not fit"):
        Connector.load(tmp_path)
    (tmp_path / "connector.json").write_text('{"type":"mlp","in":16,"out":24}')
    with pytest.raises(ValueError, match="lacks keys: boundary, scale"):
        Connector.load(tmp_path)
