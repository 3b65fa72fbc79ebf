"""Block quantisation of weight matrices, in the layout of ONNX Runtime's MatMulNBits and GatherBlockQuantized.

Blocks of 32 with per-block symmetric scales and integer activations per row and block keep a row's result free of
its neighbours in the batch. Larger blocks (checked: 128) and dynamic int8 quantisation do not, and are not offered.
"""

from __future__ import annotations

import numpy as np

BLOCK = 32


def quantize_blocks(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantise the rows of ``weight`` [N, K] in blocks of 32 along K.

    Returns unsigned codes [N, ceil(K / 32) * 32] (uint8, zero point ``2 ** (bits - 1)``, not yet packed) and scales
    [N, ceil(K / 32)] (float32). The entry of largest magnitude of a block gets the code 0, hence the scale carries
    its sign: the full range of codes is used.
    """
    rows, columns = weight.shape
    blocks = -(-columns // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), np.float32)
    padded[:, :columns] = weight
    cells = padded.reshape(rows, blocks, BLOCK)
    half = 2 ** (bits - 1)
    extreme = np.take_along_axis(cells, np.abs(cells).argmax(-1)[..., None], -1)[..., 0]
    scales = extreme / np.float32(-half)
    divisor = np.where(scales == 0, np.float32(1), scales)[..., None]
    codes = np.clip(np.rint(cells / divisor) + half, 0, 2 * half - 1).astype(np.uint8)
    return codes.reshape(rows, blocks * BLOCK), scales.astype(np.float32)


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
