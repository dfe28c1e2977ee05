"""Bytes made smaller with LZ4, and back."""

from example_squeeze._lz4 import expand, squeeze

__all__ = ["expand", "squeeze"]
