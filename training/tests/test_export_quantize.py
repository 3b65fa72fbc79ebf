"""Quantisation: error bounds, exact cases, packing."""

import numpy as np
import pytest

from lingualift_training.export.quantize import (
    BLOCK,
    dequantize_blocks,
    pack,
    quantize_blocks,
    quantize_rows,
    unpack,
)


def matrix(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 4])
def test_blocks_err_by_at_most_half_a_step(bits: int) -> None:
    weight = matrix(7, 96)
    codes, scales = quantize_blocks(weight, bits)
    error = np.abs(dequantize_blocks(codes, scales, bits) - weight).reshape(7, 3, BLOCK)
    # The one value beyond the shorter end of the range may be clipped by a whole step.
    assert (error.max(-1) <= np.abs(scales) * 1.001).all()
    assert np.median(error / np.abs(scales)[..., None]) < 0.5


@pytest.mark.parametrize("bits", [8, 4])
def test_blocks_meet_weights_that_came_from_such_blocks(bits: int) -> None:
    generator = np.random.default_rng(1)
    top = 2 ** (bits - 1) - 1
    steps = generator.integers(-top, top + 1, (5, 2, BLOCK)).astype(np.float32)
    steps[..., 0] = top
    weight = (steps * generator.uniform(0.01, 1, (5, 2, 1)).astype(np.float32)).reshape(5, 2 * BLOCK)
    codes, scales = quantize_blocks(weight, bits)
    np.testing.assert_allclose(dequantize_blocks(codes, scales, bits), weight, rtol=2e-6)


def test_blocks_pad_the_last_block_with_zero() -> None:
    weight = matrix(3, 40)
    codes, scales = quantize_blocks(weight, 8)
    assert codes.shape == (3, 64) and scales.shape == (3, 2)
    assert (codes[:, 40:] == 128).all()


def test_a_row_of_zeros_stays_zero() -> None:
    codes, scales = quantize_blocks(np.zeros((2, BLOCK), np.float32), 8)
    assert (dequantize_blocks(codes, scales, 8) == 0).all()
    codes, scales = quantize_rows(np.zeros((2, 5), np.float32))
    assert (codes == 128).all() and (scales == 0).all()


def test_four_bit_codes_pack_even_columns_into_low_halves() -> None:
    codes = np.array([[1, 2, 15, 0]], np.uint8)
    assert pack(codes, 4).tolist() == [[0x21, 0x0F]]
    assert (unpack(pack(codes, 4), 4) == codes).all()


def test_rows_use_one_scale_each() -> None:
    weight = matrix(4, 33)
    codes, scales = quantize_rows(weight)
    back = (codes.astype(np.float32) - 128) * scales[:, None]
    assert (np.abs(back - weight) <= scales[:, None] * 0.501).all()
    assert codes.min() >= 1, "the codes are symmetric around 128"
