"""Opening a store: its lock, its format, and what can be done without its blobs and results.

Little is imported here: an environment is made anew from its list with no more than this.
"""

from __future__ import annotations

import fcntl
import os

from pipeline.errors import StoreError
from pipeline.files import atomic_write
from pipeline.store.derived import Derived
from pipeline.store.faults import guarded
from pipeline.store.rooms import Room, sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

FORMAT = b"pipeline store 1\n"
CACHEDIR_TAG = b"""Signature: 8a477f597d28d172789f06886806bc55
# This directory is a cache that `pipeline` can make again; see https://bford.info/cachedir/
"""
FOLDERS = ("blobs", "results", "derived", "partial", "locks", "work")


class Opened:
    """A store that is open: it holds a shared lock, which keeps `cache.prune` away."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self.root = root
        self.descriptor = descriptor
        self.room = Room(root / "work")
        self.directories = Derived(root / "derived", root / "locks", self.room)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open the store at ``root``, making it (0700) when it is not there.

        Waits while someone prunes it. Removes what killed runs left. Raises StoreError when it
        cannot be written to or was made by a version with another format.
        """
        with guarded("using the store", root):
            descriptor = _lock_shared(root)
            try:
                _check_format(root)
                sweep(root / "work")
            except BaseException:
                os.close(descriptor)
                raise
        return cls(root, descriptor)

    def close(self) -> None:
        """Remove this store's unfinished things and give up its lock; may be called twice."""
        self.room.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def derived(self, kind: str, key: str, make: Callable[[Path], bytes | None]) -> Path:
        """Return a directory that is made once for all runs; see `Derived.get`."""
        return self.directories.get(kind, key, make)


def _lock_shared(root: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(root / "lock", flags, 0o600)
    except FileNotFoundError:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(root / "lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_format(root: Path) -> None:
    try:
        with open(root / "format", "rb") as stream:
            found = stream.read(100)
    except FileNotFoundError:
        _initialise(root)
        return
    if found == FORMAT:
        if not all(os.path.isdir(f"{root}/{folder}") for folder in FOLDERS):
            _initialise(root)
    else:
        raise StoreError(
            f"the store `{root}` was made by another version of `pipeline`: "
            f"it says {found.decode(errors='replace').strip()!r}",
            hint="set `PIPELINE_CACHE_DIR` to another directory, or remove this one",
        )


def _initialise(root: Path) -> None:
    """Make the folders, then the file that says they are there. Two at once do no harm."""
    for folder in FOLDERS:
        (root / folder).mkdir(mode=0o700, exist_ok=True)
    atomic_write(root / "CACHEDIR.TAG", CACHEDIR_TAG)
    atomic_write(root / "format", FORMAT)
