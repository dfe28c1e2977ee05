"""Read sdists strictly: gzip over tar, one content for every reader, or none.

POSIX.1-2001 pax and ustar, and GNU long names, as far as Python's backends write them. Anything
else (devices, sparse files, bytes after the end) is refused, where `tarfile` would stop or skip.
The archive is unpacked into memory, bounded by `SDIST_LIMITS`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pipeline.errors import VerificationError
from pipeline.wheels.archive import Limits, check_names, refusal, shown
from pipeline.wheels.tarheaders import BLOCK, Header, TarError, parse_header, parse_pax, text

if TYPE_CHECKING:
    from pathlib import Path

# Small, because a piece may unpack to a thousand times its size before we can look.
_PIECE = 64 << 10
SDIST_LIMITS = Limits(member=1 << 30, unpacked=1 << 30)

Kind = Literal["file", "link", "directory"]
_KINDS: dict[bytes, Kind] = {b"0": "file", b"\0": "file", b"1": "file", b"2": "link"}
_KINDS |= {b"5": "directory"}
_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_TARGET, _HARD_LINK = b"x", b"g", b"L", b"K", b"1"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file, symbolic link or directory; ``offset`` is where its content starts in the tar.

    A hard link has become a file with the place of the content it shares.
    """

    name: str
    kind: Kind
    mode: int
    time: int
    owner: tuple[int, int, str, str]
    size: int = 0
    offset: int = 0
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Sdist:
    """A read archive: its gzip header's ten bytes, the tar, and the members in their order."""

    gzip_header: bytes
    tar: bytes | bytearray
    members: tuple[Member, ...]

    def read(self, member: Member) -> memoryview:
        """Return the content of a file."""
        return memoryview(self.tar)[member.offset : member.offset + member.size]


def read_sdist(path: Path, limits: Limits = SDIST_LIMITS) -> Sdist:
    """Read and check a ``.tar.gz``; VerificationError says which member is wrong and why."""
    header, tar = _gunzip(path, limits)
    try:
        members = _members(tar, limits)
    except TarError as error:
        raise refusal(path, str(error)) from error
    if not members:
        raise refusal(path, "it is empty")
    names = [member.name for member in members if member.kind != "directory"]
    check_names(path, names, [member.name for member in members if member.kind == "directory"])
    _check_links(path, {member.name: member for member in members if member.kind == "link"})
    return Sdist(gzip_header=header, tar=tar, members=members)


def _gunzip(path: Path, limits: Limits) -> tuple[bytes, bytearray]:
    unpacker = zlib.decompressobj(wbits=31)
    tar = bytearray()
    header = b""
    try:
        with path.open("rb") as stream:
            while packed := stream.read(_PIECE):
                header = header or packed[:10]
                tar += unpacker.decompress(packed, limits.unpacked + 1 - len(tar))
                if len(tar) > limits.unpacked:
                    raise refusal(path, f"it unpacks to more than {limits.unpacked} bytes")
                if len(tar) > max(limits.ratio_from, limits.ratio * stream.tell()):
                    raise refusal(path, "it unpacks to far more than it holds, which is a bomb")
    except (OSError, zlib.error) as error:
        raise VerificationError(f"`{path}` cannot be read: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise refusal(path, "it is cut off, or bytes stand after its end")
    return header, tar


def _members(tar: bytearray, limits: Limits) -> tuple[Member, ...]:
    members: dict[str, Member] = {}
    changes: dict[str, str] = {}
    offset = 0
    while (block := tar[offset : offset + BLOCK]) != bytes(BLOCK):
        header = parse_header(block)
        content = offset + BLOCK
        kind = header.type
        if kind not in {_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_TARGET}:
            header = _changed(header, changes)
        offset = content + -(-header.size // BLOCK) * BLOCK
        if offset > len(tar):
            raise TarError(f"{shown(header.name)} is cut off")
        changes = _next_changes(tar[content : content + header.size], kind, changes)
        if kind in _KINDS:
            member = _member(header, content, members)
            if members.setdefault(member.name, member) is not member:
                raise TarError(f"{shown(member.name)} stands twice in it")
            if len(members) > limits.members:
                raise TarError(f"it has over {limits.members} members, more than anyone unpacks")
        elif kind not in {_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_TARGET}:
            raise TarError(f"{shown(header.name)} is a device or of a kind no sdist needs")
    if any(tar[offset:]) or len(tar) - offset < 2 * BLOCK or changes:
        raise TarError("its tar does not end as a tar should, or bytes stand after its end")
    return tuple(members.values())


def _next_changes(content: bytearray, kind: bytes, changes: dict[str, str]) -> dict[str, str]:
    """Return what the extension headers read so far say about the member that follows."""
    if kind == _PAX:
        return changes | parse_pax(content)
    if kind == _GNU_NAME:
        return changes | {"path": text(content)}
    if kind == _GNU_TARGET:
        return changes | {"linkpath": text(content)}
    if kind == _PAX_GLOBAL and parse_pax(content).keys() - {"comment"}:
        raise TarError("a global pax header changes all its members")
    return changes if kind == _PAX_GLOBAL else {}


def _changed(header: Header, changes: dict[str, str]) -> Header:
    size = changes.get("size", str(header.size))
    if not size.isdecimal():
        raise TarError(f"{shown(header.name)} has a malformed size")
    return replace(
        header,
        name=changes.get("path", header.name),
        target=changes.get("linkpath", header.target),
        size=int(size),
    )


def _member(header: Header, content: int, members: dict[str, Member]) -> Member:
    kind = _KINDS[header.type]
    name = header.name.removesuffix("/") if kind == "directory" else header.name
    member = Member(name=name, kind=kind, mode=header.mode, time=header.time, owner=header.owner)
    if header.type == _HARD_LINK:
        shared = members.get(header.target)
        if header.size or shared is None or shared.kind != "file":
            raise TarError(f"{shown(name)} is a hard link to what is no file before it")
        return replace(member, size=shared.size, offset=shared.offset)
    if kind == "file":
        return replace(member, size=header.size, offset=content)
    if header.size:
        raise TarError(f"{shown(name)} is no file and yet has content")
    return replace(member, target=header.target if kind == "link" else "")


def _check_links(path: Path, links: dict[str, Member]) -> None:
    """Refuse links out of the archive's top directory, or through another link."""
    for member in links.values():
        if not _stays_inside(member, links):
            raise refusal(
                path,
                f"the link {shown(member.name)} leads to {shown(member.target)}, "
                "which is not plainly inside",
                hint="links in an sdist must be relative and stay below its top directory",
            )


def _stays_inside(member: Member, links: dict[str, Member]) -> bool:
    here = member.name.split("/")[:-1]
    parts = member.target.split("/")
    if not member.target.isprintable() or "\\" in member.target or not member.target:
        return False
    for index, part in enumerate(parts):
        if part == "..":
            here = here[:-1]
        elif part not in {"", "."}:
            here = [*here, part]
        last = index == len(parts) - 1
        if not here or member.target.startswith("/") or ("/".join(here) in links and not last):
            return False
    return True
