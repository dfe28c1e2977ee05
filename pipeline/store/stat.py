"""Digests of input files, remembered by what stat(2) says of them.

A run that changes nothing must not read its inputs. A digest is kept with size, mtime, ctime and
inode and is used as long as all four are the same. Every change of a file's bytes moves its ctime,
which no program can set back, with one gap: two changes within one tick of the kernel's clock look
the same. So a digest is remembered only when the file had been left alone for a while before it
was hashed (git calls this the racily clean rule, `Documentation/technical/racy-git.txt`).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from typing import TYPE_CHECKING

from pipeline.files import atomic_write
from pipeline.store.faults import guarded
from pipeline.store.sealed import seal, unseal

if TYPE_CHECKING:
    from pathlib import Path

MARGIN = 50_000_000
"""Nanoseconds a file must have been left alone; kernel clocks tick every 1 to 10 ms."""
DIGEST = 64


class StatCache:
    """The remembered digests of one checkout, in one JSON file; not for several threads at once.

    The file maps each path, as it was given, to its digest and what stat said. A missing or
    damaged file is an empty cache. Of two runs that save, the later one wins: what
    the other learnt is hashed again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _load(file)
        self._used: set[str] = set()
        self._changed = False

    def digest(self, path: Path | str) -> tuple[str, os.stat_result]:
        """Return the sha256 of a regular file and its status, reading it only when it changed.

        Links are not followed: for anything but a regular file the digest is empty, and the
        status tells the caller what it is. Raises OSError.
        """
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            return "", status
        name = os.fspath(path)
        self._used.add(name)
        known = self._known.get(name, "")
        if known[DIGEST:] == _signature(status):
            return known[:DIGEST], status
        return self._hash(name)

    def save(self) -> None:
        """Write the file if anything was learnt, without files that are gone; StoreError."""
        if not self._changed:
            return
        kept = {
            name: value
            for name, value in self._known.items()
            if name in self._used or os.path.lexists(name)
        }
        data = seal(json.dumps(kept).encode())
        with guarded("writing", self._file):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(self._file, data, mode=0o600, durable=False)
        self._changed = False

    def _hash(self, name: str) -> tuple[str, os.stat_result]:
        """Hash a file; remember it when it cannot have changed unseen meanwhile."""
        started = time.time_ns()
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as stream:
            before = os.fstat(descriptor)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            after = os.fstat(descriptor)
        settled = started - max(before.st_mtime_ns, before.st_ctime_ns) >= MARGIN
        if settled and _signature(before) == _signature(after):
            self._known[name] = found + _signature(after)
            self._changed = True
        return found, after


def _signature(status: os.stat_result) -> str:
    return f" {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _load(file: Path) -> dict[str, str]:
    try:
        line = unseal(file.read_bytes())
    except OSError:
        line = None
    known: dict[str, str] = json.loads(line) if line else {}
    return known
