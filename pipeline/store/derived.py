"""Derived directories: unpacked layers, environments and the like, each made once.

``derived/KIND/KEY`` is a plain directory and ``derived/KIND/KEY.tree`` the record of what it held
when it was made. It is filled in the room of its process under the lock of its key, synced, and
renamed last, after its record: so a directory that stands there is whole, and whoever finds the
lock taken waits and uses what the other made.
"""

from __future__ import annotations

import os
import re

from pipeline.files import CHUNK, remove_tree
from pipeline.store import durable, locks
from pipeline.store.faults import FULL, guarded, store_error
from pipeline.store.usage import RECORD, touch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.store.rooms import Room

    Make = Callable[[Path], bytes | None]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Derived:
    """The derived directories of one store."""

    def __init__(self, root: Path, locks_directory: Path, room: Room) -> None:
        self.root = root
        self._locks = locks_directory
        self._room = room

    def path(self, kind: str, key: str) -> Path:
        """Return where a directory stands or would stand; ValueError for an odd name."""
        if not (NAME.fullmatch(kind) and NAME.fullmatch(key)):
            raise ValueError(f"{kind}/{key}")
        return self.root / kind / key

    def record(self, path: Path) -> Path:
        """Return the file that tells what the directory ``path`` held when it was made."""
        return path.with_name(f"{path.name}{RECORD}")

    def get(self, kind: str, key: str, make: Make) -> Path:
        """Return the directory of ``key``, filled by ``make`` when it is not there yet.

        ``make`` gets a new empty directory (0755) and may return what it wrote, as an encoded tree;
        when it returns None every file is read once more to record it. What it raises is passed on,
        but a full disk becomes StoreError.
        """
        path = self.path(kind, key)
        if not self._stands(path):
            with locks.held(self._locks / f"{kind}-{key}"):
                if not self._stands(path):
                    self._fill(path, make)
        return path

    def discard(self, path: Path) -> None:
        """Remove a directory and its record; it is gone for others at once. Raises OSError."""
        trash = self._room.unused()
        _movable(path)
        os.rename(path, trash)
        self.record(path).unlink(missing_ok=True)
        remove_tree(trash)

    def all(self) -> Iterator[Path]:
        """Yield every directory that stands, sorted by kind and key."""
        yield from sorted(path for path in self.root.glob("*/*") if NAME.fullmatch(path.name))

    def orphans(self) -> Iterator[Path]:
        """Yield the records of directories that do not stand: a run was killed between the two."""
        for record in self.root.glob(f"*/*{RECORD}"):
            if not record.with_suffix("").is_dir():
                yield record

    def _stands(self, path: Path) -> bool:
        record = self.record(path)
        with guarded("using the store's directory", path):
            try:
                status = os.stat(record)
            except FileNotFoundError:
                return False
            touch(record, status)
            return path.is_dir()

    def _fill(self, path: Path, make: Make) -> None:
        with self._room.directory(path.name[:16]) as temporary:
            content = temporary / "content"
            with guarded("making the store's directory", path):
                content.mkdir()
                content.chmod(0o755)
            try:
                record = make(content)
            except OSError as error:
                if error.errno in FULL:
                    raise store_error(error, f"filling the store's directory `{path}`") from error
                raise
            with guarded("making the store's directory", path):
                self._publish(content, record or _scanned(content), path)

    def _publish(self, content: Path, held: bytes, path: Path) -> None:
        record = content.with_name("record")
        record.write_bytes(held)
        durable.sync_file_system(record)
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            durable.sync([self.root])
        if os.path.lexists(path):
            self.discard(path)  # it has no record, so nothing vouches for it
        _movable(content)
        os.rename(record, self.record(path))
        os.rename(content, path)
        durable.sync([path.parent])


def _scanned(directory: Path) -> bytes:
    from pipeline.store.scan import scan  # noqa: PLC0415 - as below

    return scan(directory, hash_open_file).encoded


def hash_open_file(descriptor: int) -> tuple[str, int]:
    """Return the sha256 and size (bytes) of what can be read from a descriptor."""
    import hashlib  # noqa: PLC0415 - most runs find what they need made

    found = hashlib.sha256()
    size = 0
    while data := os.read(descriptor, CHUNK):
        found.update(data)
        size += len(data)
    return found.hexdigest(), size


def _movable(directory: Path) -> None:
    """Let the owner write to a directory: moving one changes its ``..`` (rename(2), EACCES)."""
    mode = directory.stat().st_mode
    if mode & 0o200 == 0:
        directory.chmod(mode & 0o7777 | 0o200)
