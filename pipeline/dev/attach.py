"""Joining this process's standard streams with those of a container, over the SDK's socket.

With a terminal every key goes inside as it is (Ctrl-C too) and the container's size follows the
terminal's. Without one, output and errors arrive in frames and are told apart again. Source:
"Attach to a container" of the Engine's API.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import termios
import tty
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 16
_HEADER = struct.Struct(">BxxxL")
_ERRORS = 2


def pump(stream: socket.socket, resize: Callable[[int, int], None], *, terminal: bool) -> None:
    """Pass bytes on until the container closes its end; OSError when the daemon is gone.

    ``resize`` gets the lines and columns of our terminal, at once and whenever they change.
    """
    with ExitStack() as stack:
        wake = -1
        if terminal:
            stack.enter_context(_raw(0))
            wake = stack.enter_context(_resizes())
            resize(*_size())
        sink = _write_out if terminal else Frames().take
        sources = {0, stream.fileno()} | ({wake} if terminal else set())
        while stream.fileno() in sources:
            ready, _, _ = select.select(sources, (), ())
            if wake in ready:
                os.read(wake, CHUNK)
                with suppress(Exception):  # it may have ended just now
                    resize(*_size())
            if 0 in ready and not _forward(stream):
                sources.discard(0)
            if stream.fileno() in ready:
                data = stream.recv(CHUNK)
                sink(data)
                if not data:
                    sources.discard(stream.fileno())


def _forward(stream: socket.socket) -> bool:
    """Send what was typed; whether there may be more."""
    data = os.read(0, CHUNK)
    with suppress(BrokenPipeError):
        if data:
            stream.sendall(data)
        else:
            stream.shutdown(socket.SHUT_WR)
    return bool(data)


class Frames:
    """Output in frames: a kind, a length, and as many bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Write out every frame that is whole by now."""
        self._rest += data
        while len(self._rest) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            _write(2 if kind == _ERRORS else 1, self._rest[_HEADER.size : end])
            self._rest = self._rest[end:]


def _write_out(data: bytes) -> None:
    _write(1, data)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _size() -> tuple[int, int]:
    columns, lines = os.get_terminal_size(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    return lines, columns


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Let the terminal pass every key on, and put it back as it was."""
    state = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, state)


@contextmanager
def _resizes() -> Iterator[int]:
    """Give a descriptor that can be read whenever the terminal changed its size."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def tell(number: int, frame: object) -> None:
        del number, frame
        with suppress(BlockingIOError):
            os.write(writing, b"\0")

    earlier = signal.signal(signal.SIGWINCH, tell)
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, earlier)
        os.close(reading)
        os.close(writing)
