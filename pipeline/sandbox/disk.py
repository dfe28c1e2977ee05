"""Keeping a step from filling the disk, by looking from outside.

A project quota would be exact but needs privileges, and a file system image of fixed size would
cost a mount of its own for each step. So the free space is read every so often (one system call),
and the uppers are measured only when a bound is set, at intervals that follow what measuring costs.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RESERVE = 128 << 20  # bytes that always stay free for the rest of the machine
_FASTEST = 4 << 30  # bytes per second that we expect nobody to write
_SHORTEST, _LONGEST = 0.05, 1.0  # seconds between two looks
_SHARE = 20  # measuring takes at most one part in so many of the time


class DiskGuard:
    """Looks at a step's uppers; ``due`` is when (time.monotonic) to look again."""

    def __init__(self, uppers: Sequence[str], bound: int) -> None:
        self._uppers = uppers
        self._bound = bound
        # A disk that is nearly full to begin with is no fault of the step.
        self._reserve = min(RESERVE, _free(uppers) // 2)
        self.due = time.monotonic() + _SHORTEST

    def exceeded(self) -> bool:
        """Whether the bound is broken or the disk is nearly full; sets ``due``."""
        started = time.monotonic()
        left = _free(self._uppers) - self._reserve
        over = left <= 0 or self._over_bound()
        took = time.monotonic() - started
        pause = min(max(left / _FASTEST, _SHORTEST), _LONGEST)
        self.due = started + max(pause, took * _SHARE)
        return over

    def exceeded_at_end(self) -> bool:
        """Whether the bound is broken, now that nothing can change any more."""
        return self._over_bound()

    def _over_bound(self) -> bool:
        return bool(self._bound) and sum(map(used, self._uppers)) > self._bound


def _free(uppers: Sequence[str]) -> int:
    found = (os.statvfs(upper) for upper in uppers)
    return min(state.f_bavail * state.f_frsize for state in found)


def used(directory: str) -> int:
    """Return the bytes that everything below ``directory`` takes on disk.

    What vanishes meanwhile does not count; links are not followed, not even ones that take the
    place of a directory while we look.
    """
    total = 0
    with suppress(FileNotFoundError):
        for _, _, names, parent in os.fwalk(directory):
            for name in names:
                with suppress(FileNotFoundError):
                    total += os.stat(name, dir_fd=parent, follow_symlinks=False).st_blocks * 512
    return total
