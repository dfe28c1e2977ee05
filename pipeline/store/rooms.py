"""Where unfinished things live: one room for each running process, under ``work/``.

Nothing is written in its final place. Temporary files, directories being filled and scratch
directories all stand in the room of the process that makes them, on the store's own file system,
and leave it by rename. A room belongs to whoever holds the lock beside it; one without a living
owner is swept by the next `Store.open`, which looks into one directory that is nearly always empty.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from contextlib import contextmanager, suppress

from pipeline.files import remove_tree
from pipeline.store import locks
from pipeline.store.faults import guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".lock"


class Room:
    """The place for one store's unfinished things, made when it is first needed."""

    def __init__(self, work: Path) -> None:
        self._path = work / f"{os.getpid()}-{os.urandom(6).hex()}"
        self._lock = work / f"{self._path.name}{LOCK}"
        self._owned: int | None = None
        self._mutex = allocate_lock()

    def path(self) -> Path:
        """Return the room, made and locked; StoreError when it cannot be."""
        with self._mutex, guarded("writing to the store", self._path.parent):
            if self._owned is None:
                self._owned = locks.acquire(self._lock)
                self._path.mkdir(mode=0o700, exist_ok=True)
        return self._path

    def unused(self, label: str = "") -> Path:
        """Return a name in the room that nothing has yet; StoreError as `path`."""
        return self.path() / f"{label}{os.urandom(8).hex()}"

    @contextmanager
    def directory(self, label: str) -> Iterator[Path]:
        """Give a new directory that is removed at the end, with all that was made below it."""
        path = self.unused(f"{label}-")
        with guarded("making the directory", path):
            path.mkdir(mode=0o700)
        try:
            yield path
        except BaseException:
            with suppress(OSError):  # what went wrong in the body counts, not what it left
                remove_tree(path)
            raise
        with guarded("removing the directory", path):
            remove_tree(path)

    def close(self) -> None:
        """Remove the room. What cannot be removed now is left to a later sweep."""
        with self._mutex:
            if self._owned is not None:
                with suppress(OSError):
                    remove_tree(self._path)
                locks.release(self._lock, self._owned)
                self._owned = None


def sweep(work: Path) -> None:
    """Remove the rooms whose owners are gone; what cannot be removed is left for another time."""
    for name in {name.removesuffix(LOCK) for name in os.listdir(work)}:
        lock = work / f"{name}{LOCK}"
        descriptor = locks.acquire(lock, wait=False)
        if descriptor is None:
            continue
        with suppress(OSError):
            remove_tree(work / name)
        locks.release(lock, descriptor)
