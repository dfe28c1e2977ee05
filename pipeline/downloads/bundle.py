"""Bundles: a lock, every file it names and the tool's own wheels in one tar, to carry away.

The first member, ``bundle.json``, names all others with digest and size, in their order. The bytes
follow from the lock alone, and so reading is strict: each header has to be the one that we would
write, each content what the index says, and nothing may stand behind the end. What may be in it at
all is for the caller to say, who has a lock of one's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.downloads.layout import places
from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK, fsync_directory, sibling
from pipeline.platforms import Target
from pipeline.store.blobs import is_digest
from pipeline.wheels.tarheaders import BLOCK, Header, TarError, padding, parse_header, render_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.lock.types import LockedFile
    from pipeline.store.store import Store

FORMAT = 1
INDEX = "bundle.json"
INDEX_LIMIT = 64 << 20
DOWNLOADS = "downloads/"
TOOL = "tool/"
END = bytes(2 * BLOCK)

Progress = Callable[[int], None]
"""What is told how many bytes of content are read or written by now."""


def _unseen(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True, order=True)
class Row:
    """A file of a bundle; ``size`` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Index:
    """What a bundle says of itself: the platforms it is for, and its files in their order."""

    platforms: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(row.size for row in self.rows)


def row_of(file: LockedFile) -> Row:
    """Return the row of a locked file: it lies as in a download cache, below ``downloads``."""
    return Row(name=DOWNLOADS + places(file)[0], sha256=file.sha256, size=file.size)


def write(target: Path, index: Index, store: Store, progress: Progress = _unseen) -> str:
    """Write a bundle of blobs of the store, whole or not at all, and return its sha256.

    What a killed run was writing there is removed. Raises VerificationError when a blob is damaged,
    StoreError.
    """
    try:
        _sweep(target)
        return _write(target, index, store, progress)
    except OSError as error:
        raise StoreError(f"`{target}` cannot be written: {error.strerror}") from error


def _write(target: Path, index: Index, store: Store, progress: Progress) -> str:
    temporary = sibling(target)
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            for piece in _pieces(index, store, progress):
                stream.write(piece)
                digest.update(piece)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_directory(target.parent)
    return digest.hexdigest()


def _sweep(target: Path) -> None:
    """Remove unfinished siblings of a bundle that nobody writes: a living run holds a lock."""
    for path in target.parent.glob(f".{glob.escape(target.name[:100])}.{'[0-9a-f]' * 12}.tmp"):
        with path.open("ab") as stream, contextlib.suppress(BlockingIOError):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


def _pieces(index: Index, store: Store, progress: Progress) -> Iterator[bytes]:
    text = _dump(index)
    yield _header(INDEX, len(text))
    yield text + padding(len(text))
    done = 0
    for row in index.rows:
        yield _header(row.name, row.size)
        for piece in _blob(row, store):
            yield piece
            done += len(piece)
            progress(done)
        yield padding(row.size)
    yield END


def _blob(row: Row, store: Store) -> Iterator[bytes]:
    size = 0
    with store.open_blob(row.sha256) as stream:
        while piece := stream.read(CHUNK):
            size += len(piece)
            yield piece
    if size != row.size:
        raise VerificationError(
            f"`{row.name}` has {size} bytes where the lock says {row.size}",
            hint="run `pipeline lock --upgrade`: an index told a wrong size",
        )


def _header(name: str, size: int) -> bytes:
    return render_header(Header(name=name, type=b"0", mode=0o644, time=0, size=size))


def _dump(index: Index) -> bytes:
    rows = ",\n".join(f"  {json.dumps([row.name, row.sha256, row.size])}" for row in index.rows)
    platforms = json.dumps(list(index.platforms))
    lines = ("{", f' "format": {FORMAT},', f' "platforms": {platforms},', ' "files": [', rows, " ]")
    return "\n".join((*lines, "}\n")).encode()


class Bundle:
    """A bundle that is open for reading. Every failure is VerificationError."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.index = self._read_index()
        self._start = stream.tell()

    def check(self, progress: Progress = _unseen) -> None:
        """Read all of it and refuse what is not as the index says; nothing is written."""
        done = 0
        for row, pieces in self._members():
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
                done += len(piece)
                progress(done)
            if digest.hexdigest() != row.sha256:
                raise self._refusal(f"the sha256 of `{row.name}` is not the listed one")
        if self._stream.read(len(END) + 1) != END:
            raise self._refusal("it is cut short, or bytes stand after its end")

    def store(self, store: Store, rows: Iterable[Row], progress: Progress = _unseen) -> None:
        """Bring files into the store, each byte checked once more."""
        wanted, done = set(rows), 0
        for row, pieces in self._members():
            if row in wanted and not store.has_blob(row.sha256):
                with store.new_blob(row.sha256) as writer:
                    for piece in pieces:
                        writer.write(piece)
            else:
                self._stream.seek(row.size, 1)
            done += row.size
            progress(done)

    def _members(self) -> Iterator[tuple[Row, Iterator[bytes]]]:
        self._stream.seek(self._start)
        for row in self.index.rows:
            expected = _header(row.name, row.size)
            if self._stream.read(len(expected)) != expected:
                raise self._refusal(f"`{row.name}` is not where it has to be")
            yield row, self._content(row.size)
            if self._stream.read(-row.size % BLOCK) != padding(row.size):
                raise self._refusal(f"`{row.name}` is cut short, or not followed by zeros")

    def _content(self, size: int) -> Iterator[bytes]:
        left = size
        while left and (piece := self._stream.read(min(left, CHUNK))):
            left -= len(piece)
            yield piece

    def _read_index(self) -> Index:
        block = self._stream.read(BLOCK)
        try:
            header = parse_header(block)
        except TarError as error:
            raise self._refusal("it is no tar, or cut short") from error
        if block != _header(INDEX, header.size) or header.size > INDEX_LIMIT:
            raise self._refusal(f"it does not begin with `{INDEX}`")
        text = self._stream.read(header.size)
        try:
            index = _decode(text)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._refusal(f"`{INDEX}` is malformed, or of another version") from error
        if _dump(index) != text or self._stream.read(-len(text) % BLOCK) != padding(len(text)):
            raise self._refusal(f"`{INDEX}` is not as we write it")
        return index

    def _refusal(self, why: str) -> VerificationError:
        return VerificationError(
            f"the bundle `{self._name}` is refused: {why}",
            hint="nothing of it was taken; copy it again, or write it anew with `pipeline cache "
            "export`",
        )


def _decode(text: bytes) -> Index:
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    rows = tuple(_row(*fields) for fields in document["files"])
    # A word that is none of a platform is a ValueError.
    platforms = tuple(Target(name).value for name in document["platforms"])
    return Index(platforms=platforms, rows=rows)


def _row(name: object, sha256: object, size: object) -> Row:
    if not (isinstance(name, str) and isinstance(sha256, str) and type(size) is int and size >= 0):
        raise TypeError(name)
    if not is_digest(sha256):
        raise ValueError(sha256)
    return Row(name=name, sha256=sha256, size=size)


def require(index: Index, expected: Sequence[Row], tool: frozenset[str], name: str) -> None:
    """Refuse a bundle unless it holds exactly ``expected``, and wheels of the tool.

    Those are known by their digests, ``tool``. VerificationError.
    """
    wheels = {row for row in index.rows if row.name.startswith(TOOL)}
    allowed = {row for row in wheels if row.sha256 in tool and "/" not in row.name[len(TOOL) :]}
    found = [row for row in index.rows if row not in allowed]
    if found == list(expected) and index.rows == tuple(sorted(index.rows)):
        return
    odd = sorted({row.name for row in set(found) ^ set(expected)})
    raise VerificationError(
        f"the bundle `{name}` is refused: it does not hold exactly what the lock of this checkout "
        "names",
        hint="nothing of it was taken; write it anew with `pipeline cache export`",
        detail=tuple(odd[:12]),
    )
