"""Durations such as ``1h30m``, read and written."""

from example_duration.durations import parse, render

__all__ = ["parse", "render"]
