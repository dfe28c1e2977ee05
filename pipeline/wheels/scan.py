"""Look at a member's bytes once, piece by piece: what it is, which paths it names."""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from pipeline.wheels.elf import MAGIC, read_elf

if TYPE_CHECKING:
    from pipeline.wheels.compress import Data
    from pipeline.wheels.elf import Elf

_TEXT = re.compile(rb"/(?:src|env|out)/")
"""Directories that exist only in a step."""

_BINARY = re.compile(
    rb"/(?:src|env|out|built|finished|inside|cross|sysroot|toolchain)/"
    # Programs may well name a file in /tmp; a directory there, or an object, was the compiler's.
    rb"|/tmp/(?=[\w.+@-]+/|cc\w{6}\.[os])"
)
"""Those that compilers leave in programs: here nothing is written for people to read."""

# What may stand before an absolute path. After a word, a dot or a slash it is part of another one.
_INSIDE_PATH = re.compile(rb"[\w.~/$*})\]%+@-]")
_PATH_TAIL = re.compile(rb"[\w.+@/-]{1,80}")
_OVERLAP = 100
IN_MEMORY = 16 << 20


class Scan:
    """What one file is and names; feed it with `update`, then ask, and `close` it.

    ``build_path`` is the first path found that exists only during a build, or empty.
    """

    def __init__(self, *, search: bool = True) -> None:
        self.build_path = ""
        self._search = search
        self._head = b""
        self._tail = b""
        self._size = 0
        # An ELF file is not read from front to back, and may be larger than memory bears.
        self._spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - `close`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def update(self, chunk: Data) -> None:
        """Take the next piece."""
        if len(self._head) < len(MAGIC):
            self._head += bytes(chunk[: len(MAGIC) - len(self._head)])
        if MAGIC.startswith(self._head):
            self._spool.write(chunk)
            self._size += len(chunk)
        if self._search and not self.build_path:
            window = self._tail + chunk
            self.build_path = self._first_path(window)
            self._tail = window[-_OVERLAP:]

    @property
    def is_elf(self) -> bool:
        """Whether it is an ELF file (program, library or object)."""
        return self._head == MAGIC

    def elf(self) -> Elf | None:
        """Return what an ELF file says, None for any other; ElfError when it is damaged."""
        return read_elf(cast("BinaryIO", self._spool), self._size) if self.is_elf else None

    def _first_path(self, window: bytes) -> str:
        for match in (_BINARY if self.is_elf else _TEXT).finditer(window):
            before = window[max(0, match.start() - 1) : match.start()]
            tail = _PATH_TAIL.match(window, match.end())
            if tail and not _INSIDE_PATH.match(before):
                return (match[0] + tail[0]).decode("ascii")
        return ""
