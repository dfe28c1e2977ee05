"""ELF files, as far as an audit asks: processor, libraries, symbol versions, search paths.

Everything is read by offset, checked against the file's size, and bounded in number: a file made to
confuse a reader is refused and costs neither time nor memory. Only what the dynamic linker itself
goes by is believed, which is program headers and never section headers, so stripping hides nothing.
Formats: System V ABI, chapters 4 and 5; symbol versioning as in the Linux Standard Base, 10.7.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"

_MOST_ENTRIES = 1 << 12
"""Entries that a table may have of which a real file has some dozens."""
_MOST_SYMBOLS = 1 << 22
_LONGEST_NAME = 1 << 14

_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _RPATH, _RUNPATH = 0, 1, 4, 5, 6, 10, 15, 29
_GNU_HASH, _VERSYM, _VERNEED, _VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_WEAK = 2
_HIDDEN = 0x8000

_MACHINES = {
    (3, False, "<"): "i686",
    (21, True, "<"): "ppc64le",
    (22, True, ">"): "s390x",
    (40, False, "<"): "armv7l",
    (62, True, "<"): "x86_64",
    (183, True, "<"): "aarch64",
    (243, True, "<"): "riscv64",
    (258, True, "<"): "loongarch64",
}
"""Tags call a processor so: by number, whether words have 64 bits, and the order of bytes."""

_DEVICES = {190: "CUDA", 224: "AMDGPU", 247: "BPF"}
"""Processors beside the one that Python runs on."""


class ElfError(ValueError):
    """The file is damaged or made to confuse; the message completes "an ELF file that ..."."""


@dataclass(frozen=True, kw_only=True)
class SymbolVersion:
    """A version of symbols that a file needs of a library.

    ``symbol`` is one that asks for it, empty where none could be found.
    """

    library: str
    version: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.symbol}@{self.version}" if self.symbol else self.version


@dataclass(frozen=True, kw_only=True)
class Elf:
    """What an ELF file is and needs.

    ``machine`` is the processor as tags call it, or ``machine N``; ``device`` says that this is not
    the processor Python runs on. ``needed`` are SONAMEs, ``paths`` the entries of RPATH and RUNPATH
    as they stand; ``versions`` come without those that may be missing (weak ones).
    """

    machine: str
    device: bool = False
    needed: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    versions: tuple[SymbolVersion, ...] = ()


def read_elf(stream: BinaryIO, size: int) -> Elf:
    """Return what an ELF file of ``size`` bytes says; ElfError when it is damaged."""
    file = _File(stream, size)
    number = file.number
    machine = _MACHINES.get((number, file.wide, file.order)) or _DEVICES.get(number)
    dynamic = _Dynamic(file)
    return Elf(
        machine=machine or f"machine {number}",
        device=number in _DEVICES,
        needed=tuple(dynamic.string(offset) for offset in dynamic.all(_NEEDED)),
        paths=tuple(
            entry
            for tag in (_RPATH, _RUNPATH)
            for offset in dynamic.all(tag)
            if (text := dynamic.string(offset))
            for entry in text.split(":")
        ),
        versions=tuple(_versions(dynamic)),
    )


class _File:
    """The header, and reading at offsets that are inside the file."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        ident = self.read(0, 20)
        kind, order = ident[4], ident[5]
        if not ident.startswith(MAGIC) or kind not in {1, 2} or order not in {1, 2}:
            raise ElfError("has no header that is understood")
        self.wide = kind == 2
        self.order = "<" if order == 1 else ">"
        (self.number,) = struct.unpack_from(f"{self.order}H", ident, 18)

    def read(self, offset: int, size: int) -> bytes:
        if offset + size > self._size:
            raise ElfError("points beyond its end")
        self._stream.seek(offset)
        data = self._stream.read(size)
        if len(data) != size:
            raise ElfError("ends too early")
        return data

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        form = self.order + form
        return struct.unpack(form, self.read(offset, struct.calcsize(form)))

    @cached_property
    def segments(self) -> list[tuple[int, int, int, int]]:
        """Type, offset, address and size in the file of each program header."""
        form = f"{self.order}{'HHIQQQIHHHHHH' if self.wide else 'HHIIIIIHHHHHH'}"
        header = struct.unpack(form, self.read(16, struct.calcsize(form)))
        start, each, count = header[4], header[8], header[9]
        wanted = 56 if self.wide else 32
        if count and each != wanted:
            raise ElfError(f"has program headers of {each} bytes")
        if count > _MOST_ENTRIES:
            raise ElfError(f"has {count} program headers")
        table = self.read(start, count * wanted)
        form = f"{self.order}{'IIQQQQQQ' if self.wide else 'IIIIIIII'}"
        rows = struct.iter_unpack(form, table)
        if self.wide:
            return [(row[0], row[2], row[3], row[5]) for row in rows]
        return [(row[0], row[1], row[2], row[4]) for row in rows]

    def offset(self, address: int) -> int:
        """Return where the byte lies that is loaded at ``address``."""
        for kind, offset, start, size in self.segments:
            if kind == _LOAD and start <= address < start + size:
                return offset + address - start
        raise ElfError(f"names the address 0x{address:x}, which is not loaded from it")


class _Dynamic:
    """The dynamic section: values by tag, strings and symbols."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self._values: dict[int, list[int]] = {}
        self._places: dict[int, int] = {}
        for kind, offset, _, size in file.segments:
            if kind == _DYNAMIC:
                self._read(offset, size)

    def _read(self, offset: int, size: int) -> None:
        form = f"{self.file.order}{'qQ' if self.file.wide else 'iI'}"
        each = struct.calcsize(form)
        if size > _MOST_ENTRIES * each:
            raise ElfError("has a dynamic section that is far too long")
        for tag, value in struct.iter_unpack(form, self.file.read(offset, size - size % each)):
            if tag == _NULL:
                return
            self._values.setdefault(tag, []).append(value)

    def all(self, tag: int) -> list[int]:
        return self._values.get(tag, [])

    def value(self, tag: int) -> int:
        found = self.all(tag)
        if not found:
            raise ElfError(f"has no dynamic entry 0x{tag:x} though it needs one")
        return found[-1]

    def _place(self, tag: int) -> int:
        """Return where in the file the table begins whose address is an entry's value."""
        if tag not in self._places:
            self._places[tag] = self.file.offset(self.value(tag))
        return self._places[tag]

    def string(self, offset: int) -> str:
        """Return a string of the table of strings; it ends inside the table."""
        left = self.value(_STRSZ) - offset
        if left <= 0:
            raise ElfError("names a string beyond its table of strings")
        start = self._place(_STRTAB) + offset
        data = b""
        while b"\0" not in data and len(data) < min(left, _LONGEST_NAME):
            data += self.file.read(start + len(data), min(left - len(data), 256))
        text, end, _ = data.partition(b"\0")
        if not end:
            raise ElfError("has a string without an end")
        return text.decode(errors="backslashreplace")

    def wanted(self) -> dict[int, int]:
        """Return for each index of a version the first symbol at the head of the table that has it.

        A GNU hash table says where the symbols begin that are defined; before it are those wanted.
        """
        table = self.all(_HASH) or self.all(_GNU_HASH)
        if not (table and self.all(_VERSYM) and self.all(_SYMTAB)):
            return {}
        _, count = self.file.unpack("II", self.file.offset(table[-1]))
        if count > _MOST_SYMBOLS:
            raise ElfError(f"has {count} symbols")
        indexes = array("H", self.file.read(self._place(_VERSYM), 2 * count))
        if (self.file.order == "<") != (sys.byteorder == "little"):
            indexes.byteswap()
        return dict(zip(reversed(indexes), range(count - 1, -1, -1), strict=True))

    def symbol(self, number: int) -> str:
        """Return a symbol's name; its offset stands first in the entry."""
        start = self._place(_SYMTAB) + number * (24 if self.file.wide else 16)
        return self.string(self.file.unpack("I", start)[0])


def _versions(dynamic: _Dynamic) -> Iterator[SymbolVersion]:
    """Yield the versions that must be there."""
    if not dynamic.all(_VERNEED):
        return
    wanted = dynamic.wanted()
    for row, (library, flags, index, name) in enumerate(_version_rows(dynamic)):
        if row >= _MOST_ENTRIES:
            raise ElfError("needs more versions than any file does")
        if not flags & _WEAK:
            number = wanted.get(index, wanted.get(index | _HIDDEN))
            yield SymbolVersion(
                library=library,
                version=dynamic.string(name),
                symbol="" if number is None else dynamic.symbol(number),
            )


def _version_rows(dynamic: _Dynamic) -> Iterator[tuple[str, int, int, int]]:
    """Yield library, flags, index and name of each version: two linked lists that lead forward."""
    file = dynamic.file
    place = file.offset(dynamic.value(_VERNEED))
    for _ in range(min(dynamic.value(_VERNEEDNUM), _MOST_ENTRIES)):
        _, count, name, first, step = file.unpack("HHIII", place)
        library = dynamic.string(name)
        entry = place + first
        for _ in range(count):
            _, flags, index, text, forward = file.unpack("IHHII", entry)
            yield library, flags, index, text
            if not forward:
                break
            entry += forward
        if not step:
            return
        place += step
