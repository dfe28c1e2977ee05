"""Advisory locks on files that exist only while someone needs them (flock(2)).

A lock dies with its process, however that ends, so it needs no clean-up to be right. A lock file
may be removed by its holder: whoever waited for it looks, once it has the lock, whether the name
still means the file it locked, and starts over when it does not.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress

from pipeline.store.faults import guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def acquire(path: Path, *, wait: bool = True) -> int | None:
    """Lock ``path`` for us alone, making the file, and return the descriptor that holds it.

    None when ``wait`` is false and someone else has it. Two threads exclude each other as two
    processes do. Raises OSError.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _still_named(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def release(path: Path, descriptor: int) -> None:
    """Remove the lock file, then let go: the other order would remove the next holder's."""
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock ``path`` during the body, waiting for it first; StoreError when it cannot."""
    with guarded("locking", path):
        descriptor = acquire(path)
    try:
        yield
    finally:
        if descriptor is not None:
            release(path, descriptor)


def _still_named(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
