"""Compressed members as bounded streams: whatever is packed, a mebibyte at a time is held.

A decompressor that is asked for all it has can be made to fill the memory by a few bytes of
input, so every one here is asked for at most `CHUNK` bytes. lzma and zlib work outside the
interpreter's lock, which is what lets several packages be unpacked at once.
"""

from __future__ import annotations

import importlib
import importlib.util
import lzma
import os
import shutil
import subprocess
import tempfile
import zlib
from typing import TYPE_CHECKING, Protocol, cast

from pipeline.errors import PipelineError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

CHUNK = 1 << 20
FAULTS = (lzma.LZMAError, zlib.error, ValueError)
WINDOW = 128 << 20
"""The memory a decompressor may ask for; the strongest preset of xz needs 65 MiB."""


class Decompressor(Protocol):
    """What `lzma.LZMADecompressor` is: one stream, decompressed in bounded pieces."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more is to be had only for more input."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take more input and return at most ``max_length`` bytes of output."""


class Source(Protocol):
    """What a tar reader reads from."""

    def take(self, limit: int) -> memoryview:
        """Return between one and ``limit`` bytes; none at the end."""

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""

    def skip(self, size: int) -> int:
        """Pass over ``size`` bytes, fewer only at the end, and return how many."""


class Buffer:
    """Exact reads from chunks of any size, without copying more than a boundary's worth."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def take(self, limit: int) -> memoryview:
        """Return between one and ``limit`` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return self._rest
            self._rest = memoryview(chunk)
        piece, self._rest = self._rest[:limit], self._rest[limit:]
        return piece

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""
        first = self.take(size)
        if len(first) == size:
            return bytes(first)
        pieces = [first]
        missing = size - len(first)
        while missing and (piece := self.take(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> int:
        """Pass over ``size`` bytes, fewer only at the end, and return how many."""
        left = size
        while left and (piece := self.take(left)):
            left -= len(piece)
        return size - left


def region(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """Yield ``size`` bytes of a file from ``offset``, or fewer where the file ends."""
    end = offset + size
    while offset < end:
        data = os.pread(file.fileno(), min(CHUNK // 4, end - offset), offset)
        if not data:
            return
        offset += len(data)
        yield data


def decompressed(suffix: str, packed: Iterator[bytes], label: str) -> Iterator[bytes]:
    """Return the plain bytes of ``packed``, whose compression ``suffix`` tells (``.xz``).

    ``label`` names the file in errors: VerificationError for broken data, for a stream that is
    cut short or followed by something else, and for a compression that deb(5) does not know.
    """
    match suffix:
        case "":
            return packed
        case ".xz":
            return _pump(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=WINDOW), packed, label)
        case ".gz":
            return _pump(_Gzip(), packed, label)
        case ".zst":
            return _zstd(packed, label)
        case _:
            raise VerificationError(
                f"`{label}` is packed as `{suffix}`, which deb(5) does not know"
            )


def unpacked(suffix: str, packed: Iterator[bytes], label: str) -> Iterator[bytes]:
    """Return the plain bytes of an image's layer, which may be several streams in a row.

    As `decompressed`, but tools that compress in parallel, or so that parts can be had alone
    (eStargz, zstd:chunked), write one gzip member or zstd frame after the other.
    """
    match suffix:
        case ".gz":
            return _pump_all(_Gzip, packed, label)
        case ".zst":
            return _zstd(packed, label)
        case _:
            return decompressed(suffix, packed, label)


def _pump(machine: Decompressor, packed: Iterator[bytes], label: str) -> Iterator[bytes]:
    try:
        for piece in packed:
            if machine.eof:
                raise VerificationError(f"`{label}` holds data after its compressed stream")
            yield machine.decompress(piece, CHUNK)
            while _has_more(machine):
                yield machine.decompress(b"", CHUNK)
    except FAULTS as error:
        raise VerificationError(f"`{label}` cannot be decompressed: {error}") from error
    if not machine.eof:
        raise VerificationError(f"`{label}` is cut short")
    if machine.unused_data:
        raise VerificationError(f"`{label}` holds data after its compressed stream")


def _pump_all(
    make: Callable[[], Decompressor], packed: Iterator[bytes], label: str
) -> Iterator[bytes]:
    machine = make()
    try:
        for piece in packed:
            rest = piece
            while rest:
                if machine.eof:
                    machine = make()
                yield machine.decompress(rest, CHUNK)
                while _has_more(machine):
                    yield machine.decompress(b"", CHUNK)
                rest = machine.unused_data if machine.eof else b""
    except FAULTS as error:
        raise VerificationError(f"`{label}` cannot be decompressed: {error}") from error
    if not machine.eof:
        raise VerificationError(f"`{label}` is cut short")


def _has_more(machine: Decompressor) -> bool:
    return not machine.eof and not machine.needs_input


class _Gzip:
    """zlib's object with the manners of lzma's."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


def _zstd(packed: Iterator[bytes], label: str) -> Iterator[bytes]:
    """Decompress zstd by the first means this machine has; the window stays below `WINDOW`."""
    for module in ("compression.zstd", "backports.zstd"):
        if make := _zstd_module(module):
            return _pump_all(make, packed, label)
    if program := shutil.which("zstd"):
        return _zstd_program(program, packed, label)
    raise PipelineError(
        f"`{label}` is compressed with zstd, which Python before 3.14 cannot read by itself",
        hint="install the program `zstd` or the Python package `backports.zstd`",
    )


def _zstd_module(name: str) -> Callable[[], Decompressor] | None:
    parent = name.partition(".")[0]
    if importlib.util.find_spec(parent) is None or importlib.util.find_spec(name) is None:
        return None
    module = importlib.import_module(name)
    options = {module.DecompressionParameter.window_log_max: WINDOW.bit_length() - 1}
    make = cast("Callable[..., Decompressor]", module.ZstdDecompressor)
    return lambda: make(options=options)


def _zstd_program(program: str, packed: Iterator[bytes], label: str) -> Iterator[bytes]:
    # The input lies in an unlinked file, so that no second thread has to feed the program.
    with tempfile.TemporaryFile() as source:
        for piece in packed:
            source.write(piece)
        source.seek(0)
        command = [program, "-dcq", f"--memory={WINDOW >> 20}MB"]
        with subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            output = cast("BinaryIO", process.stdout)
            try:
                while data := output.read(CHUNK):
                    yield data
            except GeneratorExit:
                process.kill()
                raise
    if process.returncode:
        raise VerificationError(f"`{label}` cannot be decompressed with `zstd`")
