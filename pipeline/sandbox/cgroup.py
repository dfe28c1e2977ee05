"""Bounds on a whole step by a cgroup, where a version 2 hierarchy was delegated to us.

On a desktop systemd delegates ``user@UID.service``; as root the parent group is writable too. A
group beside our own is made (a group with processes in it cannot hand controllers down to a
child: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint"). Elsewhere,
under version 1 above all, the limits of single processes must do.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.sandbox.error import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sandbox.spec import Bounds

_HIERARCHY = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NEEDED = {"memory", "pids"}
_serial = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Group:
    """A cgroup of one step; without a ``path`` there is none."""

    path: str = ""

    def out_of_memory(self) -> bool:
        """Whether the kernel killed something in it for want of memory."""
        if not self.path:
            return False
        lines = Path(self.path, "memory.events").read_text(encoding="ascii").splitlines()
        return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)


def parent_group(hierarchy: Path = _HIERARCHY, own: Path = _OWN) -> Path | None:
    """Return the directory in which we may make groups that bound memory and processes."""
    with suppress(OSError):
        lines = own.read_text(encoding="ascii").splitlines()
        relative = next((line[3:] for line in lines if line.startswith("0::")), "")
        parent = (hierarchy / relative.strip("/")).parent
        if relative in {"", "/"} or not parent.is_relative_to(hierarchy):
            return None
        granted = (parent / "cgroup.subtree_control").read_text(encoding="ascii").split()
        writable = all(os.access(path, os.W_OK) for path in (parent, parent / "cgroup.procs"))
        if writable and set(granted) >= _NEEDED:
            return parent
    return None


@contextmanager
def joined(limits: Bounds, parent: Path | None = None) -> Iterator[Group]:
    """Make a group with these limits, if a memory bound is asked for and one can be had.

    It is removed at the end, when everything in it is dead.
    """
    parent = parent or (parent_group() if limits.memory else None)
    if not parent:
        yield Group()
        return
    path = parent / f"pipeline-{os.getpid()}-{next(_serial)}"
    try:
        path.mkdir()
        _limit(path, limits)
    except OSError as error:
        with suppress(OSError):
            path.rmdir()
        raise SandboxError("cgroup", str(error.filename), error.errno or 0) from error
    try:
        yield Group(path=str(path))
    finally:
        _remove(path)


def _limit(path: Path, limits: Bounds) -> None:
    settings = {"memory.max": limits.memory, "pids.max": limits.processes, "memory.oom.group": 1}
    for name, value in settings.items():
        if value:
            (path / name).write_text(str(value), encoding="ascii")
    with suppress(FileNotFoundError):  # a kernel without swap accounting
        (path / "memory.swap.max").write_text("0", encoding="ascii")


def _remove(path: Path) -> None:
    """Remove a group; a process that was just reaped may count a moment longer."""
    for _ in range(100):
        with suppress(OSError):
            path.rmdir()
            return
        time.sleep(0.01)
