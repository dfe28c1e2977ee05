"""The one compressor of every archive we write.

Two zlibs give different bytes for the same data (zlib and zlib-ng do), so the machine's own must
not decide what a wheel looks like. libdeflate is linked into the pinned ``deflate`` wheel; its
output depends on its version and the level, not on the processor. The reasons and the numbers
stand in ``docs/design/normalising.md``.
"""

from __future__ import annotations

from typing import TypeAlias

import deflate

Data: TypeAlias = bytes | bytearray | memoryview

LEVEL = 7


def compress(data: Data) -> Data:
    """Return ``data`` as one raw deflate stream (RFC 1951); it takes up to ``len(data)`` more."""
    return deflate.deflate_compress(data, LEVEL)


def gzip(data: Data) -> Data:
    """Return ``data`` as one gzip member (RFC 1952) without name and time, system 255."""
    return deflate.gzip_compress(data, LEVEL)


def crc32(data: Data) -> int:
    """Return the CRC-32 that zip and gzip use."""
    return deflate.crc32(data)
