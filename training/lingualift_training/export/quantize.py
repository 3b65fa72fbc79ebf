"""Quantisation of weight matrices: blocks in the layout of MatMulNBits and GatherBlockQuantized, and rows.

Blocks of 32 with per-block symmetric scales and integer activations per row and block keep a row's result free of
its neighbours in the batch. Larger blocks (checked: 128) and dynamic int8 quantisation do not, and are not offered.
"""

from __future__ import annotations

import numpy as np

BLOCK = 32
ROW_ZERO = 128
ROW_LIMIT = 127
"""Codes of a row lie in 128 ± 127, on the weights' side and on the activations'."""

CHUNK = 4096
"""Rows quantised at a time: bounds the working memory for large tables."""


def quantize_blocks(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantise the rows of ``weight`` [N, K] in blocks of 32 along K.

    Returns unsigned codes [N, ceil(K / 32) * 32] (uint8, zero point ``2 ** (bits - 1)``, not yet packed) and scales
    [N, ceil(K / 32)] (float32). Codes reach one step further below zero than above it; the entry of largest magnitude
    is put at either end of the range, whichever gives the block the smaller squared error. Weights that come from
    8-bit blocks (and from 4-bit ones around zero) are thereby met exactly.
    """
    rows, columns = weight.shape
    blocks = -(-columns // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), np.float32)
    padded[:, :columns] = weight
    codes = np.empty(padded.shape, np.uint8)
    scales = np.empty((rows, blocks), np.float32)
    for start in range(0, rows, CHUNK):
        part = slice(start, start + CHUNK)
        cells = padded[part].reshape(-1, BLOCK)
        found, scale = _best_codes(cells, 2 ** (bits - 1))
        codes[part] = found.reshape(-1, blocks * BLOCK)
        scales[part] = scale.reshape(-1, blocks)
    return codes, scales


def _best_codes(cells: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes [n, 32] and scales [n] of blocks [n, 32]."""
    extreme = np.take_along_axis(cells, np.abs(cells).argmax(-1)[:, None], -1)
    best_codes, best_scale, best_error = None, None, None
    for end in (-half, half - 1):
        scale = extreme / np.float32(end)
        steps = np.rint(cells / np.where(scale == 0, np.float32(1), scale)).clip(-half, half - 1)
        error = np.square(steps * scale - cells).sum(-1, keepdims=True)
        if best_codes is None:
            best_codes, best_scale, best_error = steps, scale, error
        else:
            better = error < best_error
            best_codes = np.where(better, steps, best_codes)
            best_scale = np.where(better, scale, best_scale)
    assert best_codes is not None and best_scale is not None
    return (best_codes + half).astype(np.uint8), best_scale[:, 0].astype(np.float32)


def quantize_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantise ``weight`` [N, K] with one scale per row: codes [N, K] (uint8, zero point 128) and scales [N]."""
    scales = np.abs(weight).max(1).astype(np.float32) / np.float32(ROW_LIMIT)
    divisor = np.where(scales == 0, np.float32(1), scales)[:, None]
    codes = (np.rint(weight / divisor) + ROW_ZERO).astype(np.uint8)
    return codes, scales


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Pack codes [N, K] into bytes: 8 bits as they are, 4 bits two per byte, the even column in the low half."""
    if bits == 8:
        return codes
    return codes[:, 0::2] | (codes[:, 1::2] << 4)


def unpack(packed: np.ndarray, bits: int) -> np.ndarray:
    """The inverse of :func:`pack`."""
    if bits == 8:
        return packed
    codes = np.empty((packed.shape[0], packed.shape[1] * 2), np.uint8)
    codes[:, 0::2] = packed & 15
    codes[:, 1::2] = packed >> 4
    return codes


def dequantize_blocks(codes: np.ndarray, scales: np.ndarray, bits: int) -> np.ndarray:
    """Float32 values [N, K] of codes [N, K] and scales [N, K / 32]."""
    rows, columns = codes.shape
    centred = codes.astype(np.float32).reshape(rows, columns // BLOCK, BLOCK) - 2 ** (bits - 1)
    return (centred * scales[..., None]).reshape(rows, columns)
