"""From a directory to a tree: every file hashed, links kept, everything else refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    TakeFile = Callable[[int], tuple[str, int]]


def scan(directory: Path, take: TakeFile) -> Tree:
    """Return the tree below ``directory``; ``take`` gets each file's descriptor, gives its digest.

    Links are read, never followed. Raises VerificationError for devices, sockets, FIFOs and names
    that are not UTF-8, OSError as reading does.
    """
    found: list[Entry] = []
    pending = [""]
    while pending:
        relative = pending.pop()
        empty = True
        with os.scandir(f"{directory}/{relative}") as entries:
            for entry in entries:
                empty = False
                path = f"{relative}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                else:
                    found.append(_leaf(entry, _checked_name(path), take))
        if empty and relative:
            found.append(Entry(path=_checked_name(relative[:-1]), kind="dir"))
    return Tree.of(found)


def _leaf(entry: os.DirEntry[str], path: str, take: TakeFile) -> Entry:
    if entry.is_symlink():
        return Entry(path=path, kind="link", target=_checked_name(os.readlink(entry.path)))
    if not entry.is_file(follow_symlinks=False):
        raise VerificationError(
            f"`{entry.path}` is a device, socket or FIFO, which no tree can hold",
            hint="remove it before the step ends",
        )
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        digest, size = take(descriptor)
    finally:
        os.close(descriptor)
    return Entry(path=path, digest=digest, size=size, executable=bool(mode & stat.S_IXUSR))


def _checked_name(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise VerificationError(
            f"the name {os.fsencode(name)!r} is not UTF-8, so a tree cannot hold it",
            hint="rename it before the step ends",
        ) from error
    return name
