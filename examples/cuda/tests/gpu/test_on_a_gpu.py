"""The kernel itself. ``python -m pytest tests/gpu`` on a machine with a GPU and the wheel."""

from __future__ import annotations

import numpy as np
import pytest
from example_histogram import histogram, no_gpu

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(bool(no_gpu()), reason=f"no GPU to run the kernel on: {no_gpu()}"),
]

PIECE = 64 << 20
"""Bytes that the extension gives to the GPU at a time."""


@pytest.mark.parametrize("size", [0, 1, 255, 257, 1_000_003, PIECE, PIECE + 1, 3 * PIECE + 12_345])
def test_the_gpu_counts_like_numpy(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    expected = tuple(np.bincount(data, minlength=256).tolist())
    assert histogram(data, "cuda") == (expected, "cuda")


def test_one_byte_alone_is_counted_by_many_threads_at_once() -> None:
    data = np.full(PIECE + 7, 42, np.uint8)
    assert histogram(data).counts[42] == data.size
    assert sum(histogram(data).counts) == data.size
