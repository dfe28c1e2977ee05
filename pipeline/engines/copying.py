"""COPY: from one view into a layer of its own on top of another, by BuildKit's rules.

A copied layer is never written to by a step (a step has an upper directory of its own above it),
so a file that needs no change is a hard link to its source: nothing of it can be told from a
copy, and a tree of a thousand files takes some milliseconds. Rules: "COPY" in the Dockerfile
reference, `solver/llbsolver/file` and `fsutil/copy` in BuildKit. Where those keep the time of a
file, it is kept up to the build's epoch: what a step has just made gets the epoch.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.engines import modes
from pipeline.engines.union import Directory, Leaf

if TYPE_CHECKING:
    from pipeline.engines.union import Node, Place, Union

DIRECTORY_MODE = 0o755
OWNER = 0o700
"""What a directory's owner keeps whatever ``--chmod`` says: a step has no capabilities, so its
root is bound by modes."""


class CopyError(Exception):
    """A source or destination that COPY cannot work with; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where sources go: an absolute path inside, and whether it has to be a directory."""

    path: str
    directory: bool = False


class Copier:
    """Writes into the highest layer of ``view``, the host directory ``top``.

    ``epoch`` is the latest time (Unix seconds) of anything copied; ``chmod`` the
    word of that flag.
    """

    def __init__(self, view: Union, top: str, *, epoch: int, chmod: str = "") -> None:
        self._view = view
        self._top = top
        self._epoch = epoch
        self._chmod = chmod
        self._directories: dict[str, int] = {}

    def copy(self, source: Union, path: str, target: Target) -> None:
        """Copy a file, or the content of a directory; CopyError, OSError."""
        found = _place(source, path).node
        if found is None:
            raise CopyError(f"`{path}` is not there")
        self._make_parents(target)
        place = _place(self._view, target.path)
        if isinstance(found, Directory):
            there = self.make_directory(place.path)
            self._content(source, found, self._host(place.path), there)
            return
        if isinstance(place.node, Directory):
            name = posixpath.basename(path.rstrip("/"))
            self.make_directory(place.path)
            node = self._view.child(place.node, name)
            self._leaf(found, self._host(f"{place.path.rstrip('/')}/{name}"), node)
            return
        self.make_directory(posixpath.dirname(place.path))
        self._leaf(found, self._host(place.path), place.node)

    def finish(self) -> None:
        """Give directories their times, now that nothing more is written into them."""
        for host, seconds in self._directories.items():
            os.utime(host, (seconds, seconds))

    def make_directory(self, path: str) -> Directory:
        """Make a directory, parents included, unless it is there already, and return it.

        Links are not followed. In a layer above an existing directory its double has to be made,
        with the same mode.
        """
        directory = self._view.root
        host = self._top
        for name in path.split("/"):
            if not name:
                continue
            host = f"{host}/{name}"
            below = self._view.child(directory, name)
            mode = self._directory_mode(DIRECTORY_MODE)
            if isinstance(below, Directory):
                mode = below.mode
            directory = self._enter(host, below, mode) or Directory((host,))
        return directory

    def _enter(self, host: str, there: Node | None, mode: int) -> Directory | None:
        """Have a directory in the layer; return what the view has there, None when it is new."""
        if isinstance(there, Leaf):
            raise CopyError(f"`{self._inside(host)}` is there and is not a directory")
        if there is not None and there.hosts[0] == host:
            return there
        os.mkdir(host)
        os.chmod(host, mode)
        self._directories[host] = self._epoch
        return Directory((host, *there.hosts)) if there else None

    def _make_parents(self, target: Target) -> None:
        parent = target.path if target.directory else posixpath.dirname(target.path)
        self.make_directory(_place(self._view, parent).path)

    def _directory_mode(self, mode: int) -> int:
        return self._permissions(stat.S_IFDIR | mode) | OWNER

    def _permissions(self, mode: int) -> int:
        return modes.changed(self._chmod, mode) if self._chmod else stat.S_IMODE(mode)

    def _host(self, path: str) -> str:
        return self._top + path.rstrip("/")

    def _inside(self, host: str) -> str:
        return host.removeprefix(self._top) or "/"

    def _content(
        self, source: Union, directory: Directory, host: str, there: Directory | None
    ) -> None:
        """Copy what is in a directory to ``host``; ``there`` is what the view has at that place.

        A new directory (None) has nothing that could be in the way, which saves looking.
        """
        for name, node in source.entries(directory):
            target = f"{host}/{name}"
            existing = self._view.child(there, name) if there else None
            if isinstance(node, Leaf):
                self._leaf(node, target, existing)
                continue
            below = self._enter(target, existing, DIRECTORY_MODE)
            status = os.lstat(node.hosts[0])
            os.chmod(target, self._directory_mode(stat.S_IMODE(status.st_mode)))
            self._directories[target] = min(int(status.st_mtime), self._epoch)
            self._content(source, node, target, below)

    def _leaf(self, leaf: Leaf, host: str, existing: Node | None) -> None:
        if isinstance(existing, Directory):
            raise CopyError(f"the directory `{self._inside(host)}` cannot become a file")
        if existing is not None and existing.host == host:
            os.unlink(host)
        if leaf.is_link:
            os.symlink(os.readlink(leaf.host), host)
            self._set_time(leaf, host)
        elif leaf.is_file:
            self._file(leaf, host)
        else:
            raise CopyError(f"`{self._inside(host)}` would be a device, a socket or a FIFO")

    def _file(self, leaf: Leaf, host: str) -> None:
        mode = self._permissions(leaf.status.st_mode)
        unchanged = mode == stat.S_IMODE(leaf.status.st_mode)
        if unchanged and leaf.status.st_mtime <= self._epoch and _linked(leaf.host, host):
            return
        _copy_bytes(leaf.host, host)
        os.chmod(host, mode)
        self._set_time(leaf, host)

    def _set_time(self, leaf: Leaf, host: str) -> None:
        seconds = min(int(leaf.status.st_mtime), self._epoch)
        os.utime(host, (seconds, seconds), follow_symlinks=False)


def _place(view: Union, path: str) -> Place:
    try:
        return view.find(path)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise CopyError(f"the links at `{path}` never end") from error


def _linked(source: str, target: str) -> bool:
    """Link instead of copying; False where the file system or the owner forbids it (link(2))."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES):
            return False
        raise
    return True


def _copy_bytes(source: str, target: str) -> None:
    """Copy a file's content, sharing blocks where the file system can (copy_file_range(2))."""
    with (
        open(source, "rb", buffering=0) as reader,
        open(target, "xb", buffering=0) as writer,
    ):
        try:
            while os.copy_file_range(reader.fileno(), writer.fileno(), 1 << 30):
                pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                raise
            while chunk := reader.read(1 << 20):
                writer.write(chunk)
