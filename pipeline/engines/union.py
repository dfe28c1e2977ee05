"""The merged view of layers, as overlayfs shows it, read without mounting anything.

A view is made of host directories, highest first. A name is hidden by a whiteout (a character
device 0:0) above it, and a directory marked opaque hides what lies below. Symbolic links are
resolved here, inside of the view, and never by the kernel: a link to ``/etc`` leads to the view's
``/etc``. Nothing else may write to the layers meanwhile. Source: "Overlay Filesystem" in the
kernel's documentation; steps are mounted with ``userxattr``.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from operator import itemgetter
from posixpath import normpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OPAQUE = "user.overlay.opaque"
MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a view: the host directories that merge into it, highest first."""

    hosts: tuple[str, ...]

    @property
    def mode(self) -> int:
        """Its permission bits: those of the highest one."""
        return stat.S_IMODE(os.lstat(self.hosts[0]).st_mode)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Anything but a directory: the host's path and what lstat(2) says of it."""

    host: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)


Node = Directory | Leaf


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: an absolute path without links, and what is there."""

    path: str
    node: Node | None


class Union:
    """A view of layers. It remembers nothing, so it shows every change at once."""

    def __init__(self, layers: tuple[str, ...]) -> None:
        self.root = Directory(layers)

    def child(self, directory: Directory, name: str) -> Node | None:
        """Return what a directory has under a name."""
        hosts: list[str] = []
        for host in directory.hosts:
            path = f"{host}/{name}"
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            if is_whiteout(status):
                break
            if not stat.S_ISDIR(status.st_mode):
                if hosts:
                    break
                return Leaf(path, status)
            hosts.append(path)
            if is_opaque(path):
                break
        return Directory(tuple(hosts)) if hosts else None

    def names(self, directory: Directory) -> list[str]:
        """Return the names in a directory, sorted."""
        return [name for name, _ in self.entries(directory)]

    def entries(self, directory: Directory) -> list[tuple[str, Node]]:
        """Return what is in a directory, by name, sorted."""
        if len(directory.hosts) == 1:
            return sorted(_plain(directory.hosts[0]), key=itemgetter(0))
        names = {name for host in directory.hosts for name in os.listdir(host)}
        found = ((name, self.child(directory, name)) for name in sorted(names))
        return [(name, node) for name, node in found if node is not None]

    def find(self, path: str, *, follow: bool = True) -> Place:
        """Follow a path from the root; ``follow`` also resolves a link at its very end.

        A path that leads nowhere has its remaining names appended as they stand. Raises OSError
        (ELOOP) for links that never end.
        """
        trail: list[tuple[str, Node | None]] = []
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del trail[-1:]
                continue
            parent = trail[-1][1] if trail else self.root
            node = self.child(parent, name) if isinstance(parent, Directory) else None
            if isinstance(node, Leaf) and node.is_link and (follow or any(pending)):
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(node.host)
                if target.startswith("/"):
                    trail.clear()
                pending.extend(target.split("/")[::-1])
                continue
            trail.append((name, node))
        found = "/" + "/".join(name for name, _ in trail)
        return Place(found, trail[-1][1] if trail else self.root)


def is_whiteout(status: os.stat_result) -> bool:
    """Return whether lstat(2) saw overlayfs's mark for a removed name."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(directory: str) -> bool:
    """Return whether a directory hides those of lower layers."""
    try:
        return os.getxattr(directory, OPAQUE, follow_symlinks=False) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return False
        raise


def absolute(path: str, base: str = "/") -> str:
    """Return a path of a Dockerfile without ``.`` and ``..``, from ``base`` where relative."""
    return "/" + normpath(f"{base}/{path}" if not path.startswith("/") else path).lstrip("/")


def _plain(host: str) -> Iterator[tuple[str, Node]]:
    """Yield what is in a directory that merges with no other."""
    with os.scandir(host) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.name, Directory((entry.path,))
                continue
            status = entry.stat(follow_symlinks=False)
            if not is_whiteout(status):
                yield entry.name, Leaf(entry.path, status)
