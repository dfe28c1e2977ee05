"""Unpacking archives of different packages onto one directory, at the same time if need be.

Which package owns a path is settled in a table (`Claims`) before anything is written, so the
result does not depend on which thread was faster: a path that two packages hold must be the same
in both, and anything else is an error that names both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.root import SHARED_MODE, Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.images.tar import Kind, Member, TarReader

    Place = Callable[[bytes, Kind], bytes | None]

MEMBER_LIMIT = 400_000
SIZE_LIMIT = 32 << 30
RATIO_LIMIT = 500
RATIO_FREE = 64 << 20
"""A small package may well be all zeros; the ratio counts from this many bytes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A path as one package has it; ``target`` is that of a symbolic link."""

    owner: str
    kind: Kind
    target: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Who owns which path, shared by all threads.

    ``again`` holds the files that a further package has too, with the sha256 they have in it;
    ``shared`` the directories that any package has as everybody's, like /tmp.
    """

    owners: dict[bytes, Claim] = field(default_factory=dict)
    again: list[tuple[bytes, str, str]] = field(default_factory=list)
    shared: set[bytes] = field(default_factory=set)

    def take(self, path: bytes, claim: Claim) -> Claim:
        """Return the claim that holds: ``claim`` itself when it is the first on the path."""
        return self.owners.setdefault(path, claim)  # one step, whatever other threads do

    def settle(self, directory: Path) -> None:
        """Do what must wait until all is written, lest it depend on which thread was faster.

        Files that several packages have are compared, and shared directories opened to all.
        """
        with Root(directory) as root:
            for path in self.shared:
                root.directory(path, SHARED_MODE)
            for path, label, digest in sorted(self.again):
                if root.digest(path) != digest:
                    raise self.clash(path, label)

    def clash(self, path: bytes, label: str) -> VerificationError:
        """Return the error for a path that a second package holds in another form."""
        first, second = sorted((self.owners[path].owner, label))
        if first == second:
            return VerificationError(f"`/{path.decode()}` is two different things in `{label}`")
        return VerificationError(
            f"`/{path.decode()}` is in `{first}` and, differing, in `{second}`, so that the image "
            "would depend on their order",
            hint="leave one of the two packages out of the image",
        )


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """One archive on its way to a root.

    ``place`` says where a path of the archive goes, or None when it is left out; ``packed`` is
    the archive's size in bytes, which bounds what it may unpack to. ``files`` fills with the
    sha256 of the files that were placed, ``directories`` with those they lie in.
    """

    label: str
    root: Root
    claims: Claims
    packed: int
    place: Place
    files: dict[bytes, str] = field(default_factory=dict)
    directories: set[bytes] = field(default_factory=lambda: {b""})

    def run(self, tar: TarReader) -> None:
        """Unpack everything; VerificationError when a member may not be there."""
        seen: set[bytes] = set()
        total = 0
        for member in tar:
            total += member.size
            if len(seen) >= MEMBER_LIMIT or self._absurd(total):
                raise self._refusal(member, "makes the package absurdly large")
            if member.path in seen:
                raise self._refusal(member, "stands in it twice")
            seen.add(member.path)
            if path := self.place(member.path, member.kind):
                self._put(path, member, tar)

    def _absurd(self, total: int) -> bool:
        return total > SIZE_LIMIT or total > max(RATIO_FREE, RATIO_LIMIT * self.packed)

    def _put(self, path: bytes, member: Member, tar: TarReader) -> None:
        self._claim_parents(path)
        first = self._claim(path, _lasting(member.kind), _link_target(member))
        match member.kind:
            case "dir":
                self.root.directory(path)
                if member.mode & 0o1002 == 0o1002:
                    self.claims.shared.add(path)
            case "link":
                if first:
                    self.root.link(path, member.target)
            case "file":
                self._file(path, member, tar, first=first)
            case "hard":
                self._hard_link(path, member, first=first)

    def _claim_parents(self, path: bytes) -> None:
        """Claim the directories a path lies in, which an archive need not list."""
        parent = path.rpartition(b"/")[0]
        while parent not in self.directories:
            self._claim(parent, "dir")
            self.directories.add(parent)
            parent = parent.rpartition(b"/")[0]

    def _claim(self, path: bytes, kind: Kind, target: bytes = b"") -> bool:
        """Return whether this package is the first on a path; refuse what cannot be shared."""
        claim = Claim(owner=self.label, kind=kind, target=target)
        holder = self.claims.take(path, claim)
        if (holder.kind, holder.target) != (kind, target):
            raise self.claims.clash(path, self.label)
        return holder is claim

    def _file(self, path: bytes, member: Member, tar: TarReader, *, first: bool) -> None:
        if first:
            program = bool(member.mode & 0o111)
            self.files[path] = self.root.file(path, tar.content(), program=program)
            return
        digest = sha256()
        for piece in tar.content():
            digest.update(piece)
        self._again(path, digest.hexdigest())

    def _hard_link(self, path: bytes, member: Member, *, first: bool) -> None:
        existing = self.place(member.target, "file")
        if existing is None or existing not in self.files:
            raise self._refusal(member, "is a hard link to what is no file before it")
        if first:
            self.files[path] = self.files[existing]
            self.root.hard_link(path, existing)
        else:
            self._again(path, self.files[existing])

    def _again(self, path: bytes, digest: str) -> None:
        if path in self.files:
            raise self.claims.clash(path, self.label)
        self.files[path] = digest
        self.claims.again.append((path, self.label, digest))

    def _refusal(self, member: Member, what: str) -> VerificationError:
        return VerificationError(
            f"`{member.path.decode()}` in `{self.label}` {what}, so the package is refused"
        )


def _lasting(kind: Kind) -> Kind:
    """Return what a member is once it is unpacked: a hard link is a file."""
    return "file" if kind == "hard" else kind


def _link_target(member: Member) -> bytes:
    return member.target if member.kind == "link" else b""
