"""A directory as one deterministic tar stream: the bytes of an image layer.

Sorted by path, owned by 0:0, one time, modes 0644, 0755 and (for shared directories such as /tmp)
1777, no setuid and setgid, no extended attributes, hard links written as the files they are. Not
compressed, because two compressors, or two versions of one, write different bytes; whoever stores
or sends a layer may compress it then. POSIX ustar, with a pax header only for what ustar cannot
hold (a path too long, not ASCII or larger than 8 GiB).
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.root import (
    DIRECTORY_MODE,
    FILE_MODE,
    OLD_FILE,
    PROGRAM_MODE,
    SHARED_MODE,
    TIME,
)
from pipeline.store.trees import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

BLOCK = 512
CHUNK = 1 << 20
USTAR_SIZE_LIMIT = 8 << 30
END = bytes(2 * BLOCK)


@dataclass(frozen=True, kw_only=True)
class LayerDigest:
    """A layer's tar: its sha256 (OCI's ``diff_id``) and its size in bytes."""

    sha256: str
    size: int


def measure(directory: Path) -> tuple[LayerDigest, list[Entry]]:
    """Read ``directory`` once; return digest and size of its tar, and its entries as a tree has."""
    entries: list[Entry] = []
    return _digest(stream(directory, entries), lambda _: None), entries


def write(directory: Path, output: BinaryIO) -> LayerDigest:
    """Write the tar of ``directory`` and return its digest and size."""
    return _digest(stream(directory, []), output.write)


def _digest(pieces: Iterator[bytes], take: Callable[[bytes], object]) -> LayerDigest:
    digest = hashlib.sha256()
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        take(piece)
    return LayerDigest(sha256=digest.hexdigest(), size=size)


def stream(directory: Path, entries: list[Entry]) -> Iterator[bytes]:
    """Yield the tar of ``directory``, piece by piece, and fill ``entries`` on the way.

    Raises VerificationError for what a layer cannot hold: devices, sockets, pipes, a file that
    changes while it is read.
    """
    base = os.fsencode(directory)
    found = _paths(base)
    empty = found.keys() - {path.rpartition(b"/")[0] for path in found}
    for path in sorted(found):
        status = found[path]
        name = path.decode()
        match stat.S_IFMT(status.st_mode):
            case stat.S_IFDIR:
                if path in empty:
                    entries.append(Entry(path=name, kind="dir"))
                mode = SHARED_MODE if status.st_mode & stat.S_ISVTX else DIRECTORY_MODE
                yield header(path + b"/", b"5", mode, 0, b"")
            case stat.S_IFLNK:
                target = os.readlink(base + b"/" + path)
                entries.append(Entry(path=name, kind="link", target=target.decode()))
                yield header(path, b"2", 0o777, 0, target)
            case stat.S_IFREG:
                yield from _file(base, path, status, entries)
            case _:
                raise VerificationError(f"`/{name}` is no file, link or directory")
    yield END


def _paths(base: bytes) -> dict[bytes, os.stat_result]:
    found: dict[bytes, os.stat_result] = {}
    pending = [b""]
    while pending:
        prefix = pending.pop()
        with os.scandir(base + b"/" + prefix) as entries:
            for entry in entries:
                path = prefix + entry.name
                found[path] = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path + b"/")
    return found


def _file(
    base: bytes, path: bytes, status: os.stat_result, entries: list[Entry]
) -> Iterator[bytes]:
    size = left = status.st_size
    program = bool(status.st_mode & stat.S_IXUSR)
    digest = hashlib.sha256()
    yield header(path, b"0", PROGRAM_MODE if program else FILE_MODE, size, b"")
    with open(os.open(base + b"/" + path, OLD_FILE), "rb", buffering=0) as source:
        while left and (piece := source.read(min(left, CHUNK))):
            left -= len(piece)
            digest.update(piece)
            yield piece
    if left:
        raise VerificationError(f"`/{path.decode()}` became shorter while it was read")
    yield bytes(-size % BLOCK)
    entries.append(
        Entry(path=path.decode(), digest=digest.hexdigest(), size=size, executable=program)
    )


def header(path: bytes, kind: bytes, mode: int, size: int, target: bytes) -> bytes:
    """Return the header blocks of one entry (tar(5), POSIX.1-2001)."""
    records: dict[str, bytes] = {}
    parts = _split(path)
    if parts is None:
        records["path"] = path
    if len(target) > 100 or not target.isascii():
        records["linkpath"] = target
    if size >= USTAR_SIZE_LIMIT:
        records["size"] = str(size).encode()
    prefix, name = parts or (b"", b"")
    plain = _ustar(
        name=name,
        kind=kind,
        mode=mode,
        size=0 if "size" in records else size,
        target=b"" if "linkpath" in records else target,
        prefix=prefix,
    )
    return _pax(records) + plain if records else plain


def _split(path: bytes) -> tuple[bytes, bytes] | None:
    """Return ustar's prefix and name, or None where the path does not fit them."""
    if not path.isascii():
        return None
    if len(path) <= 100:
        return b"", path
    cut = path.find(b"/", len(path) - 101)
    if cut in {-1, len(path) - 1} or cut > 155:
        return None
    return path[:cut], path[cut + 1 :]


def _pax(records: dict[str, bytes]) -> bytes:
    body = b"".join(_record(key, value) for key, value in sorted(records.items()))
    head = _ustar(name=b"pax", kind=b"x", mode=FILE_MODE, size=len(body), target=b"", prefix=b"")
    return head + body + bytes(-len(body) % BLOCK)


def _record(key: str, value: bytes) -> bytes:
    # The length at the front counts its own digits.
    rest = b" %s=%s\n" % (key.encode(), value)
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _ustar(
    *, name: bytes, kind: bytes, mode: int, size: int, target: bytes, prefix: bytes
) -> bytes:
    before = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (_fill(name, 100), mode, 0, 0, size, TIME)
    after = b"%s%sustar\x0000%s%07o\0%07o\0%s" % (
        kind,
        _fill(target, 100),
        bytes(64),
        0,
        0,
        _fill(prefix, 167),
    )
    # The checksum counts its own eight bytes as blanks.
    return b"%s%06o\0 %s" % (before, sum(before) + 8 * 32 + sum(after), after)


def _fill(text: bytes, width: int) -> bytes:
    return text.ljust(width, b"\0")
