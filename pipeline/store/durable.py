"""Making names and bytes survive a power cut, one file or many.

Order is everything: bytes first, then the name that vouches for them, then whatever refers to the
name. fsync(2) does that for one file; for many, one syncfs(2) is far cheaper than an fsync each.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANY = 16
"""From here on one syncfs costs less than an fsync of each file (measured in docs/design)."""


def load() -> None:
    """Load what `sync_file_system` needs, while something else waits for the kernel."""
    import ctypes  # noqa: F401, PLC0415 (a run that changes nothing syncs nothing)


def sync_file_system(path: Path) -> None:
    """Wait until everything written to the file system of ``path`` is on the disk (syncfs(2))."""
    import ctypes  # noqa: PLC0415 (as above)

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)


def sync(paths: Sequence[Path]) -> None:
    """Make files or directories of one file system durable; raises OSError."""
    if len(paths) >= MANY:
        sync_file_system(paths[0])
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
