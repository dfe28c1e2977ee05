"""When something in the store was last used, kept as its modification time.

Access times are off or rough on most machines. Nothing in the store changes once it is written,
so modification times are free to say this; they are moved at most once a day, which keeps a run
that changes nothing from writing.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

RECORD = ".tree"
"""What the file beside a derived directory ends in: its record, whose time says it."""

GRAIN = 24 * 3600.0
"""Seconds between two notes of the same thing being used."""


def touch(path: Path | str, status: os.stat_result) -> None:
    """Note that ``path`` is used now, unless its ``status`` says so; failure is harmless."""
    if time.time() - status.st_mtime > GRAIN:
        with suppress(OSError):
            os.utime(path)
