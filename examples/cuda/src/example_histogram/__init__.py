"""How often each byte occurs in a buffer: on a GPU where there is one, else on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from example_histogram._histogram import no_gpu, on_cpu, on_gpu

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Histogram", "histogram", "no_gpu"]


class Histogram(NamedTuple):
    """The count of each of the 256 bytes, and where they were counted."""

    counts: tuple[int, ...]
    device: Literal["cuda", "cpu"]


def histogram(data: Buffer, device: Literal["cuda", "cpu"] | None = None) -> Histogram:
    """Return how often each byte occurs in ``data``, and which device counted.

    Without a ``device`` a GPU counts where there is one. RuntimeError with what CUDA says where
    ``cuda`` is asked for and cannot be had.
    """
    if device is None:
        device = "cpu" if no_gpu() else "cuda"
    return Histogram(on_gpu(data) if device == "cuda" else on_cpu(data), device)
