"""The log of one build: a file in the store, a stream to whoever watches, the last lines."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

TAIL_BYTES = 1 << 16
TAIL_LINES = 30


class Log:
    """Takes the output of steps. The file holds headings as well, the stream does not."""

    def __init__(self, path: Path, stream: Callable[[bytes], None]) -> None:
        self.path = path
        self._stream = stream
        self._tail = b""
        # A name of our own for a moment: of two builds of the same request each has its whole log.
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        """Take a chunk of a step's output."""
        os.write(self._descriptor, data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        self._stream(data)

    def heading(self, text: str) -> None:
        """Begin an instruction: the last lines are from now on its own."""
        os.write(self._descriptor, f"==> {text}\n".encode(errors="replace"))
        self._tail = b""

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of the instruction's output, safe to print."""
        return last_lines(self._tail)


def last_lines(data: bytes) -> tuple[str, ...]:
    """Return the last lines of an output, safe to print."""
    lines = data.decode(errors="replace").replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    return tuple(_printable(line) for line in lines[-TAIL_LINES:])


def file_name(label: str, digest: str) -> str:
    """Return a log's name: readable, one for each request."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", label).strip("-.")[:80] or "build"
    return f"{readable}-{digest[:12]}.log"


def _printable(line: str) -> str:
    """Show control characters, escape sequences of terminals above all, instead of obeying them."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda m: f"\\x{ord(m[0]):02x}", line)
