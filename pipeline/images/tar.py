"""A reader of tar streams that knows what packages may hold, and refuses everything else.

Old, ustar and GNU archives (deb(5), tar(5)): files, directories, symbolic and hard links. Paths
come out relative and plain, so that nothing after this module has to think of ``..``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.errors import VerificationError
from pipeline.images.names import NAME_LIMIT, climbs, is_text, plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.images.streams import Source

BLOCK = 512
TIME_LIMIT = 1 << 33
Kind = Literal["file", "dir", "link", "hard"]
KINDS: dict[bytes, Kind] = {
    b"\0": "file",
    b"0": "file",
    b"7": "file",
    b"1": "hard",
    b"2": "link",
    b"5": "dir",
}
WORDS = {
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a named pipe",
    b"S": "a sparse file",
    b"x": "a pax header",
    b"g": "a pax header",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One entry. ``path`` is relative and plain (empty for the root); ``size`` in bytes.

    ``target`` of a symbolic link is as it stands; of a hard link it is a plain path. ``time`` is
    when it was last changed, in whole seconds (Unix time).
    """

    path: bytes
    kind: Kind
    size: int = 0
    mode: int = 0o644
    target: bytes = b""
    time: int = 0


class TarReader:
    """Iterates over the members of a stream; `content` gives the bytes of the current one.

    Raises VerificationError, naming ``label`` and the member, for whatever is not allowed.
    """

    thing = "package"
    """What a whole archive is called in errors."""

    def __init__(self, stream: Source, label: str) -> None:
        self._stream = stream
        self._label = label
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        names: dict[bytes, bytes] = {}
        while header := self._next_header():
            if not self._tells(header, names):
                yield self._member(header, names)
                names = {}
        self._finish()

    def content(self) -> Iterator[memoryview]:
        """Yield what has not been read yet of the current member."""
        while self._left:
            piece = self._stream.take(self._left)
            if not piece:
                raise VerificationError(f"`{self._label}` is cut short")
            self._left -= len(piece)
            yield piece

    def refusal(self, member: bytes, what: str) -> VerificationError:
        """Return the error for a member that may not be there."""
        return VerificationError(
            f"`{shown(member)}` in `{self._label}` {what}, so the {self.thing} is refused",
            hint=f"the {self.thing} is broken or hostile; tell whoever made it",
        )

    def _next_header(self) -> bytes:
        """Return the next header, or nothing at the end; what is unread before it is skipped."""
        if self._stream.skip(self._left) < self._left:
            raise VerificationError(f"`{self._label}` is cut short")
        self._left = 0
        self._stream.exactly(self._padding)
        header = self._stream.exactly(BLOCK)
        if len(header) < BLOCK:
            raise VerificationError(f"`{self._label}` is cut short")
        if not any(header):
            return b""
        # The checksum counts its own eight bytes as blanks (tar(5)).
        if sum(header) - sum(header[148:156]) + 8 * 32 != self._number(header[148:156]):
            raise VerificationError(f"`{self._label}` has a tar header with a wrong checksum")
        self._left = self._number(header[124:136])
        self._padding = -self._left % BLOCK
        return header

    def _finish(self) -> None:
        while rest := self._stream.take(1 << 20):
            if any(rest):
                raise VerificationError(f"`{self._label}` holds data after the end of its tarball")

    def _tells(self, header: bytes, names: dict[bytes, bytes]) -> bool:
        """Take a header that only tells of the next member; False for a member itself."""
        kind = header[156:157]
        if kind not in {b"L", b"K"}:
            return False
        names[kind] = self._long_name()
        return True

    def _long_name(self) -> bytes:
        if self._left > NAME_LIMIT:
            raise VerificationError(f"`{self._label}` has a name of {self._left} bytes")
        return b"".join(self.content()).rstrip(b"\0")

    def _member(self, header: bytes, names: dict[bytes, bytes]) -> Member:
        raw = names.get(b"L") or stored_name(header)
        kind = KINDS.get(header[156:157])
        if kind is None:
            what = WORDS.get(header[156:157], f"of the unknown kind {header[156:157]!r}")
            raise self.refusal(raw, f"is {what}")
        if kind != "file" and self._left:
            raise self.refusal(raw, "is a link or directory with content")
        path = self._plain(raw, raw)
        if not path and kind != "dir":
            raise self.refusal(raw, "has no name")
        return Member(
            path=path,
            kind=kind,
            size=self._left,
            mode=self._number(header[100:108]),
            target=self._target(path, kind, names.get(b"K") or _text(header[157:257])),
            time=self._time(header),
        )

    def _time(self, header: bytes) -> int:
        # A time before 1970 is a negative number in GNU's base-256; none after 2242 is meant.
        field = header[136:148]
        return 0 if field[:1] == b"\xff" else min(self._number(field), TIME_LIMIT)

    def _target(self, path: bytes, kind: Kind, target: bytes) -> bytes:
        match kind:
            case "hard":
                return self._plain(target, path)
            case "link":
                if not target or not is_text(target) or len(target) > NAME_LIMIT:
                    raise self.refusal(path, "is a link without a sane target")
                if climbs(path, target):
                    raise self.refusal(path, f"is a link out of the root, to `{shown(target)}`")
                return target
            case _:
                return b""

    def _plain(self, raw: bytes, member: bytes) -> bytes:
        try:
            return self._path(raw)
        except ValueError as error:
            raise self.refusal(member, str(error)) from error

    def _path(self, raw: bytes) -> bytes:
        """Return a member's plain path; ValueError as `pipeline.images.names.plain` raises it."""
        return plain(raw)

    def _number(self, field: bytes) -> int:
        if field[0] & 0x80:
            # GNU's base-256, for what octal digits cannot hold; the first bit is the marker.
            return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        try:
            return int(field.strip(b" \0") or b"0", 8)
        except ValueError as error:
            raise VerificationError(
                f"`{self._label}` has a tar header with a broken number"
            ) from error


def stored_name(header: bytes) -> bytes:
    """Return the name that stands in a header itself."""
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
