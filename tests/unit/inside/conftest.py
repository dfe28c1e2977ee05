"""A writer of small ELF files, so that what a test reads does not depend on a compiler."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MACHINES = {"x86_64": 62, "aarch64": 183, "ARM": 40}
STRTAB, DYNAMIC, DYNSYM, VERNEED, VERSYM = 3, 6, 11, 0x6FFFFFFE, 0x6FFFFFFF
HEADER = 64


@dataclass
class Strings:
    """A string table that grows."""

    data: bytearray = field(default_factory=lambda: bytearray(b"\0"))

    def add(self, text: str) -> int:
        """Return where a text stands."""
        self.data += text.encode() + b"\0"
        return len(self.data) - len(text) - 1


def _versions(
    uses: Mapping[str, Mapping[str, tuple[str, ...]]], strings: Strings
) -> tuple[bytes, list[tuple[str, int]]]:
    """Return ``.gnu.version_r`` and the symbols with the index of their version."""
    table, symbols, index = b"", [], 2
    for number, (library, versions) in enumerate(uses.items()):
        entries = b""
        for last, (version, names) in enumerate(versions.items(), 1):
            following = 16 if last < len(versions) else 0
            entries += struct.pack("<IHHII", 0, 0, index, strings.add(version), following)
            symbols += [(name, index) for name in names]
            index += 1
        size = 16 + len(entries) if number < len(uses) - 1 else 0
        table += struct.pack("<HHIII", 1, len(versions), strings.add(library), 16, size) + entries
    return table, symbols


def _elf(
    machine: str = "x86_64",
    needed: tuple[str, ...] = (),
    uses: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    defines: tuple[str, ...] = (),
    wants: tuple[str, ...] = (),
) -> bytes:
    """Return a shared object for 64 bits that holds nothing but what it says of itself.

    ``uses`` maps a library to its versions, and each to the symbols wanted in it; ``wants`` are
    symbols without a version.
    """
    strings, names = Strings(), Strings()
    verneed, symbols = _versions(uses or {}, strings)
    symbols += [(name, 1) for name in (*defines, *wants)]
    dynsym = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", strings.add(name), 0x12, 0, int(name in defines), 0, 0)
        for name, _ in symbols
    )
    versym = struct.pack(f"<{len(symbols) + 1}H", 0, *(index for _, index in symbols))
    dynamic = b"".join(struct.pack("<qQ", 1, strings.add(name)) for name in needed) + bytes(16)
    parts = [
        (".dynstr", STRTAB, bytes(strings.data), 0, 0, 0),
        (".dynsym", DYNSYM, dynsym, 1, 1, 24),
        (".gnu.version", VERSYM, versym, 2, 0, 2),
        (".dynamic", DYNAMIC, dynamic, 1, 0, 16),
    ]
    if uses:
        parts.append((".gnu.version_r", VERNEED, verneed, 1, len(uses), 0))
    parts.append((".shstrtab", STRTAB, b"", 0, 0, 0))
    starts = [names.add(name) for name, *_ in parts]
    parts[-1] = (".shstrtab", STRTAB, bytes(names.data), 0, 0, 0)
    body, headers, place = b"", bytes(64), 0
    for start, (name, kind, data, link, info, size) in zip(starts, parts, strict=True):
        offset = HEADER + 56 + len(body)
        place = offset if name == ".dynamic" else place
        headers += struct.pack(
            "<IIQQQQIIQQ", start, kind, 0, offset, offset, len(data), link, info, 1, size
        )
        body += data
    segment = struct.pack("<IIQQQQQQ", 2, 4, place, place, place, len(dynamic), len(dynamic), 8)
    numbers = (64, 56, 1, 64, len(parts) + 1, len(parts))
    fields = (3, MACHINES[machine], 1, 0, HEADER, HEADER + 56 + len(body), 0, *numbers)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return ident + struct.pack("<HHIQQQIHHHHHH", *fields) + segment + body + headers


@pytest.fixture
def elf() -> Callable[..., bytes]:
    """Return the writer."""
    return _elf
