"""Look at a member's bytes once, piece by piece: its digest, what it is, which paths it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.wheels.compress import Data

BUILD_PATHS = ("/src/", "/env/", "/out/")
ELF_MAGIC = b"\x7fELF"

# What may stand before an absolute path. After a word, a dot or a slash it is part of another one.
_INSIDE_PATH = re.compile(rb"[\w.~/$*})\]%+@-]")
_PATH_TAIL = re.compile(rb"[\w.+@/-]{1,80}")
_OVERLAP = 16
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


class Scan:
    """What one file is and names; feed it with `update`, then ask.

    ``build_path`` is the first path below one of `BUILD_PATHS` found, or empty.
    """

    _pattern = re.compile("|".join(re.escape(path) for path in BUILD_PATHS).encode())

    def __init__(self, *, search: bool = True) -> None:
        self.build_path = ""
        self._search = search
        self._head = b""
        self._tail = b""

    def update(self, chunk: Data) -> None:
        """Take the next piece."""
        if len(self._head) < 20:
            self._head += bytes(chunk[: 20 - len(self._head)])
        if self._search and not self.build_path:
            window = self._tail + chunk
            self.build_path = self._first_path(window)
            self._tail = window[-_OVERLAP:]

    @property
    def is_elf(self) -> bool:
        """Whether it is an ELF file (program, library or object)."""
        return self._head.startswith(ELF_MAGIC)

    @property
    def machine(self) -> str:
        """The processor an ELF file is for, as `uname -m` says it; empty when we do not know."""
        if len(self._head) < 20 or not self.is_elf:
            return ""
        number = int.from_bytes(self._head[18:20], "little" if self._head[5] == 1 else "big")
        return _MACHINES.get(number, "")

    def _first_path(self, window: bytes) -> str:
        for match in self._pattern.finditer(window):
            before = window[max(0, match.start() - 1) : match.start()]
            tail = _PATH_TAIL.match(window, match.end())
            if tail and not _INSIDE_PATH.match(before):
                return (match[0] + tail[0]).decode("ascii")
        return ""
