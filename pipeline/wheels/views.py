"""A wheel and an sdist as the same kind of thing, for comparing: items with facts and content."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipeline.wheels.tarread import read_sdist
from pipeline.wheels.zipread import open_zip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.wheels.tarread import Sdist
    from pipeline.wheels.zipread import ZipReader

Facts = tuple[tuple[str, str], ...]
"""Properties that have no meaning to who unpacks: what it is, and its value in words."""

_KIND_BITS = {"file": stat.S_IFREG, "link": stat.S_IFLNK, "directory": stat.S_IFDIR}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One member. ``mode`` has the file type; ``index`` is for the view that made it."""

    name: str
    index: int = field(compare=False)
    mode: int
    time: str
    target: str = ""
    facts: Facts = ()


class View(Protocol):
    """An archive to be compared."""

    items: tuple[Item, ...]
    facts: Facts

    def read(self, item: Item) -> bytes:
        """Return an item's content."""

    def digest(self, item: Item) -> bytes:
        """Return the sha256 of an item's content without holding it."""

    def packed_digest(self, item: Item) -> bytes:
        """Return the sha256 of an item's compressed bytes; empty where items have none."""


@contextlib.contextmanager
def open_view(path: Path) -> Iterator[View]:
    """Open a wheel or sdist by its file name's end; VerificationError when it is malformed."""
    if path.name.endswith(".tar.gz"):
        yield _TarView(read_sdist(path))
    else:
        with open_zip(path) as reader:
            yield _ZipView(reader)


class _ZipView:
    def __init__(self, reader: ZipReader) -> None:
        self._reader = reader
        self.facts: Facts = (("directory entries", str(reader.directories)),)
        self.items = tuple(
            Item(
                name=member.name,
                index=index,
                mode=member.mode,
                time=_dos(member.date, member.time),
                facts=(
                    ("made by", f"{member.made_by >> 8}, {member.made_by & 0xFF}"),
                    ("flags", f"0x{member.flags:04x}"),
                    ("extra fields", member.extra.hex() or "none"),
                    ("attributes", f"{member.attributes & 0xFFFF}, {member.internal}"),
                    ("compression method", str(member.method)),
                ),
            )
            for index, member in enumerate(reader.members)
        )

    def read(self, item: Item) -> bytes:
        return bytes(self._reader.read(self._reader.members[item.index]))

    def digest(self, item: Item) -> bytes:
        return _sha256(self._reader.chunks(self._reader.members[item.index]))

    def packed_digest(self, item: Item) -> bytes:
        return _sha256(self._reader.packed(self._reader.members[item.index]))


class _TarView:
    def __init__(self, sdist: Sdist) -> None:
        self._sdist = sdist
        header = sdist.gzip_header
        self.facts: Facts = (
            ("time in the gzip header", str(int.from_bytes(header[4:8], "little"))),
            ("flags in the gzip header", header[3:4].hex()),
            ("level and system in the gzip header", header[8:10].hex()),
        )
        self.items = tuple(
            Item(
                name=member.name,
                index=index,
                mode=member.mode | _KIND_BITS[member.kind],
                time=str(member.time),
                target=member.target,
                facts=(("owner", ":".join(str(part) for part in member.owner)),),
            )
            for index, member in enumerate(sdist.members)
        )

    def read(self, item: Item) -> bytes:
        return bytes(self._sdist.read(self._sdist.members[item.index]))

    def digest(self, item: Item) -> bytes:
        return _sha256([self._sdist.read(self._sdist.members[item.index])])

    def packed_digest(self, item: Item) -> bytes:
        del item  # a tar is compressed as a whole
        return b""


def _sha256(chunks: Iterable[bytes | memoryview]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _dos(date: int, time: int) -> str:
    day = f"{(date >> 9) + 1980}-{date >> 5 & 15:02}-{date & 31:02}"
    return f"{day} {time >> 11:02}:{time >> 5 & 63:02}:{(time & 31) * 2:02}"
