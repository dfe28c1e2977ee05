from __future__ import annotations

from pathlib import Path

import example_histogram
import numpy as np
import pytest
from example_histogram import histogram, no_gpu


def by_numpy(data: bytes) -> tuple[int, ...]:
    return tuple(np.bincount(np.frombuffer(data, np.uint8), minlength=256).tolist())


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_537])
def test_the_cpu_counts_like_numpy(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert histogram(data, "cpu") == (by_numpy(data), "cpu")


def test_anything_with_a_buffer_will_do() -> None:
    text = bytearray(b"aab")
    assert histogram(memoryview(text)[1:]).counts[ord("a")] == 1
    text.extend(b"s")  # no buffer was left locked
    with pytest.raises(TypeError):
        histogram("text")  # type: ignore[arg-type]


def test_it_says_where_it_counted() -> None:
    assert histogram(b"aab").device == ("cpu" if no_gpu() else "cuda")


def test_without_a_gpu_asking_for_it_says_why() -> None:
    if not no_gpu():
        pytest.skip("this machine has a GPU")
    with pytest.raises(RuntimeError, match=r"the GPU did not count: .*CUDA"):
        histogram(b"aab", "cuda")


def test_the_runtime_library_is_that_of_its_own_wheel() -> None:
    packages = Path(example_histogram.__file__).parents[1]
    mapped = Path("/proc/self/maps").read_text().splitlines()
    libraries = {line.split(maxsplit=5)[-1] for line in mapped if "libcudart" in line}
    assert libraries == {str(packages / "nvidia" / "cu13" / "lib" / "libcudart.so.13")}
