"""Layers of an image, applied one on top of the other: a tree in memory, pure but for its errors.

A layer changes the tree by the rules of the OCI image specification 1.1: whiteouts delete what
lower layers have and never what their own layer has; a directory merges with a directory; all else
takes the place of what was there. A path leads through the symbolic links below it, inside the
root, as container engines do it; nothing here looks at a file system.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.names import NAME_LIMIT, WHITEOUT, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.images.tar import Member

OPAQUE = WHITEOUT + WHITEOUT + b".opq"
META = WHITEOUT + WHITEOUT
"""How names begin that only old storage drivers (aufs) had a use for."""

LINK_LIMIT = 40
NEW_TIME = 0
"""The time of a directory that no layer lists."""


@dataclass(eq=False, slots=True)
class File:
    """A file's content, which lies at ``staged``; hard links are one `File` under several names."""

    staged: Path
    digest: str
    size: int
    program: bool


@dataclass(eq=False, slots=True)
class Link:
    """A symbolic link."""

    target: bytes
    time: int


@dataclass(eq=False, slots=True)
class Directory:
    """A directory; ``shared`` is one that everybody may write to, like /tmp."""

    entries: dict[bytes, Node] = field(default_factory=dict)
    time: int = NEW_TIME
    shared: bool = False


Node = File | Link | Directory
Item = tuple["Member", File | None]
"""A member of a layer, and what became of its content where it is a file."""


class Flat:
    """What the layers applied so far make together."""

    def __init__(self) -> None:
        self.root = Directory()

    def apply(self, items: Sequence[Item], label: str) -> None:
        """Put a layer on top; ``label`` names it in errors, which are VerificationError."""
        for member, _ in items:
            if _name(member.path).startswith(WHITEOUT):
                self._delete(member.path, label)
        for member, file in items:
            if not _name(member.path).startswith(WHITEOUT):
                self._put(member, file, label)

    def walk(self) -> Iterator[tuple[bytes, Node]]:
        """Yield everything but the root with its path; a directory before what is in it."""
        pending: list[tuple[bytes, Directory]] = [(b"", self.root)]
        while pending:
            prefix, directory = pending.pop()
            for name, node in sorted(directory.entries.items()):
                path = prefix + name
                if len(path) > NAME_LIMIT:
                    raise VerificationError(
                        f"`{shown(path)}` is of absurd length, so the image is refused"
                    )
                yield path, node
                if isinstance(node, Directory):
                    pending.append((path + b"/", node))

    def _delete(self, path: bytes, label: str) -> None:
        parent, name = _split(path)
        directory = self._directory(parent, label, make=False)
        if directory is None:
            return
        if name == OPAQUE:
            directory.entries.clear()
        elif not name.startswith(META):
            directory.entries.pop(name.removeprefix(WHITEOUT), None)

    def _put(self, member: Member, file: File | None, label: str) -> None:
        if not member.path:
            self._describe(self.root, member)
            return
        parent, name = _split(member.path)
        directory = self._directory(parent, label, make=True)
        if directory is None:
            raise _refusal(member.path, label, "lies below something that is no directory")
        match member.kind:
            case "dir":
                present = directory.entries.get(name)
                node = present if isinstance(present, Directory) else Directory()
                self._describe(node, member)
                directory.entries[name] = node
            case "link":
                directory.entries[name] = Link(target=member.target, time=member.time)
            case "hard":
                directory.entries[name] = self._target(member, label)
            case "file":
                if file is None:
                    raise ValueError(member.path)
                directory.entries[name] = file

    def _describe(self, directory: Directory, member: Member) -> None:
        directory.time = member.time
        directory.shared = member.mode & 0o1002 == 0o1002

    def _target(self, member: Member, label: str) -> File | Link:
        parent, name = _split(member.target)
        directory = self._directory(parent, label, make=False)
        node = directory.entries.get(name) if directory else None
        if not isinstance(node, File | Link):
            raise _refusal(member.path, label, "is a hard link to what is no file before it")
        return node

    def _directory(self, path: bytes, label: str, *, make: bool) -> Directory | None:
        """Return the directory a path leads to, links followed; with ``make`` it is made.

        None where there is none, or something else stands in the way.
        """
        trail = [self.root]
        pending = path.split(b"/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in {b"", b"."}:
                continue
            if name == b"..":
                trail = trail[:-1] or trail
                continue
            node = trail[-1].entries.get(name)
            if node is None and make:
                node = trail[-1].entries[name] = Directory()
            if isinstance(node, Link):
                links += 1
                if links > LINK_LIMIT:
                    raise _refusal(path, label, "leads through links that never end")
                if node.target.startswith(b"/"):
                    trail = [self.root]
                pending += node.target.split(b"/")[::-1]
            elif isinstance(node, Directory):
                trail.append(node)
            else:
                return None
        return trail[-1]


def _split(path: bytes) -> tuple[bytes, bytes]:
    parent, _, name = path.rpartition(b"/")
    return parent, name


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _refusal(path: bytes, label: str, what: str) -> VerificationError:
    return VerificationError(
        f"`{shown(path)}` in `{label}` {what}, so the image is refused",
        hint="the image is broken or hostile; tell whoever made it",
    )
