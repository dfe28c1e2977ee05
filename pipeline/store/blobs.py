"""Blobs: byte strings under their own sha256, in ``blobs/ab/abcdef…``, never changed.

A blob is written in the room of its process while it is hashed, synced, made read-only and
renamed into place. So a name in ``blobs/`` vouches for complete bytes whoever is killed when, and
two processes that write the same blob do the same thing twice: the second rename changes nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK, sha256_bytes
from pipeline.store import durable
from pipeline.store.faults import guarded, store_error
from pipeline.store.usage import touch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from _typeshed import WriteableBuffer

    from pipeline.store.rooms import Room

AGAIN = "run it again: the damaged copy is removed and will be made or fetched anew"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Complete bytes in a room, waiting for their name."""

    temporary: Path
    digest: str
    size: int


class Blobs:
    """The blobs of one store."""

    def __init__(self, root: Path, room: Room) -> None:
        self.root = root
        self._base = str(root)
        self._room = room

    def path(self, digest: str) -> Path:
        """Return where a blob stands or would stand; VerificationError as `name`."""
        self.name(digest)
        return self.root / digest[:2] / digest

    def name(self, digest: str) -> str:
        """Return `path` as a string, which costs a fifth.

        Raises VerificationError for what is not a lower-case sha256: digests come out of files
        that others wrote, and may not lead out of the store.
        """
        if not is_digest(digest):
            raise VerificationError(
                f"`{digest[:80]}` is not a sha256 digest, so it names nothing in the store",
                hint="the lock or the stored tree it came from is damaged: restore it",
            )
        return f"{self._base}/{digest[:2]}/{digest}"

    def size(self, digest: str) -> int | None:
        """Return a blob's size in bytes, None when it is not there; counts as a use of it."""
        name = self.name(digest)
        try:
            status = os.stat(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise store_error(error, f"reading `{name}`") from error
        touch(name, status)
        return status.st_size

    def writer(self, expected: str = "") -> BlobWriter:
        """Return a context manager that takes bytes and stores them when it ends cleanly."""
        return BlobWriter(self, expected)

    def add(self, data: bytes) -> str:
        """Store ``data`` and return its digest; what is there already is not written again."""
        digest = sha256_bytes(data)
        if self.size(digest) != len(data):
            with self.writer(digest) as writer:
                writer.write(data)
        return digest

    def read(self, digest: str) -> bytes:
        """Return a blob's bytes, checked.

        Raises StoreError when it is missing, VerificationError when the bytes are not what the
        name says; the blob is removed then, so that the next run makes it again.
        """
        with self.open_file(digest) as stream, guarded("reading", stream.name):
            data = stream.read()
        if sha256_bytes(data) != digest:
            raise self.damaged(digest)
        return data

    def open_file(self, digest: str) -> io.FileIO:
        """Return the unchecked file of a blob, unbuffered; StoreError when it is missing."""
        name = self.name(digest)
        try:
            stream = io.FileIO(name)
        except FileNotFoundError as error:
            raise StoreError(
                f"the store has no blob `{digest}`, which is needed now",
                hint="run it again: what is missing is made or fetched anew",
            ) from error
        except OSError as error:
            raise store_error(error, f"reading `{name}`") from error
        touch(name, os.fstat(stream.fileno()))
        return stream

    def open(self, digest: str) -> io.BufferedReader:
        """Return a stream of a blob that is checked when its end is reached."""
        return io.BufferedReader(
            _CheckedFile(self, self.open_file(digest), digest), buffer_size=CHUNK
        )

    def damaged(self, digest: str) -> VerificationError:
        """Remove a blob whose bytes rotted and return the error that says so."""
        path = self.path(digest)
        with suppress(OSError):
            path.unlink()
        return VerificationError(
            f"the stored file `{path}` no longer has the sha256 in its name", hint=AGAIN
        )

    def all(self) -> Iterator[Path]:
        """Yield every blob's file, sorted. What has another name is no blob and never read."""
        yield from sorted(path for path in self.root.glob("*/*") if is_digest(path.name))

    def temporary(self) -> Path:
        """Return a new name in the room, for bytes on their way to become a blob."""
        return self._room.unused()

    def publish(self, pending: Sequence[Pending]) -> None:
        """Give complete files their names, durably: all bytes first, then all names.

        A name that already stands for as many bytes keeps them; one that was cut short is
        replaced. Raises OSError.
        """
        fresh = [item for item in pending if not self._stands(item)]
        durable.sync([item.temporary for item in fresh])
        shards = {self._shard(item.digest) for item in fresh}
        for item in fresh:
            os.rename(item.temporary, self.path(item.digest))
        durable.sync(sorted(shards))

    def _stands(self, item: Pending) -> bool:
        if self.size(item.digest) != item.size:
            return False
        item.temporary.unlink()
        return True

    def _shard(self, digest: str) -> Path:
        shard = self.path(digest).parent
        if not shard.is_dir():
            shard.mkdir(mode=0o700, exist_ok=True)
            durable.sync([self.root])
        return shard


def is_digest(text: str) -> bool:
    """Return whether ``text`` is a sha256 in lower-case hexadecimal."""
    return len(text) == 64 and not text.strip("0123456789abcdef")


class BlobWriter:
    """Takes bytes, hashes them while they are written, and stores them on a clean exit.

    After the ``with`` block ``digest`` and ``size`` (bytes) say what was stored. Raises
    VerificationError when an expected digest is not met, StoreError when the disk refuses.
    """

    def __init__(self, blobs: Blobs, expected: str) -> None:
        self.digest = ""
        self.size = 0
        self._blobs = blobs
        self._expected = expected
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        with guarded("writing to the store", self._blobs.root):
            self._temporary = self._blobs.temporary()
            self._stream = open_new(self._temporary)
        return self

    def write(self, data: bytes | memoryview) -> int:
        """Append ``data`` and return its length."""
        self._hash.update(data)
        self.size += len(data)
        with guarded("writing to the store", self._blobs.root):
            return self._stream.write(data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with guarded("writing to the store", self._blobs.root):
                self._stream.close()
                if error is None:
                    self._finish()
        finally:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        self.digest = self._hash.hexdigest()
        if self._expected not in ("", self.digest):
            raise VerificationError(
                f"the bytes have sha256 `{self.digest}` where `{self._expected}` was expected",
                hint="fetch the file again; when it stays so, its source has changed it",
            )
        item = Pending(temporary=self._temporary, digest=self.digest, size=self.size)
        self._blobs.publish([item])


def open_new(path: Path) -> io.BufferedWriter:
    """Open a new file that nobody may change once it is closed (mode 0444)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    os.fchmod(descriptor, 0o444)
    return open(descriptor, "wb")


class _CheckedFile(io.RawIOBase):
    """A blob's file that hashes what passes and judges it at the end."""

    def __init__(self, blobs: Blobs, file: io.FileIO, digest: str) -> None:
        super().__init__()
        self._blobs = blobs
        self._file = file
        self._digest = digest
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view)
        if count:
            self._hash.update(view[:count])
        elif len(view) and self._hash.hexdigest() != self._digest:
            raise self._blobs.damaged(self._digest)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
