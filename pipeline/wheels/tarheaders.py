"""The 512-byte headers of tar as values: reading what backends write, writing one form.

POSIX.1-2001, pax interchange format; GNU tar's manual for base-256 numbers and its magic.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

BLOCK = 512

_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x")
_OCTAL = re.compile(rb"[ ]*([0-7]*)[ \0]*")
_RECORD = re.compile(rb"(\d{1,10}) ([^=\n]+)=")
_USTAR = b"ustar\x0000"
_MAGICS = (_USTAR, b"ustar  \0")
_MAX_OCTAL = 8**11


class TarError(ValueError):
    """A tar is not what it has to be; the message completes "`FILE` is refused: ..."."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """One header. ``owner`` is uid, gid, user and group; ``size`` in bytes, ``time`` seconds."""

    name: str
    type: bytes
    mode: int
    time: int
    size: int
    target: str = ""
    owner: tuple[int, int, str, str] = (0, 0, "", "")


def parse_header(block: bytes | bytearray) -> Header:
    """Return the header in a block; TarError when it is cut off, damaged or of another kind."""
    if len(block) < BLOCK:
        raise TarError("it is cut off")
    name, mode, uid, gid, size, time, checksum, kind, target, magic, *rest = _HEADER.unpack(block)
    user, group, _, _, prefix = rest
    if _number(checksum) != sum(block) - sum(checksum) + 8 * 32:
        raise TarError("a header of its tar is damaged")
    if magic not in _MAGICS:
        raise TarError("its tar is neither POSIX nor GNU")
    path = text(name)
    if magic == _USTAR and text(prefix):
        path = f"{text(prefix)}/{path}"
    return Header(
        name=path,
        type=kind,
        mode=_number(mode) & 0o7777,
        time=_number(time),
        size=_number(size),
        target=text(target),
        owner=(_number(uid), _number(gid), text(user), text(group)),
    )


def parse_pax(data: bytes | bytearray) -> dict[str, str]:
    """Return the records of a pax header; TarError for what changes how names or data are read."""
    records: dict[str, str] = {}
    offset = 0
    while offset < len(data):
        match = _RECORD.match(data, offset)
        end = offset + int(match[1]) if match else 0
        if not match or not match.end() < end <= len(data) or data[end - 1] != ord("\n"):
            raise TarError("a pax header of its tar is malformed")
        key = text(match[2])
        records[key] = text(data[match.end() : end - 1], whole=True)
        if key.startswith("GNU.sparse") or key == "hdrcharset":
            raise TarError(f"a pax header of its tar says `{key}`, which readers take differently")
        offset = end
    return records


def text(field: bytes | bytearray, *, whole: bool = False) -> str:
    """Return a field up to its first NUL; TarError unless it is UTF-8 (and NUL-free if whole)."""
    value, nul, _ = field.partition(b"\0")
    if whole and nul:
        raise TarError("a pax header of its tar has a NUL")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise TarError(f"the name {bytes(value)!r} is not UTF-8") from error


def _number(field: bytes) -> int:
    if field[0] == 0x80:  # GNU's base-256, for what octal cannot hold
        return int.from_bytes(field[1:], "big")
    match = _OCTAL.fullmatch(field)
    if not match:
        raise TarError("a number in a header of its tar is malformed")
    return int(match[1] or b"0", 8)


def render_header(header: Header) -> bytes:
    """Return a header's blocks: ustar, after a pax header where names or size need one."""
    records: dict[str, bytes] = {}
    for key, value in (("linkpath", header.target), ("path", header.name)):
        if not value.isascii() or len(value) > 100:
            records[key] = value.encode()
    if header.size >= _MAX_OCTAL:
        records["size"] = str(header.size).encode()
    return (_pax_blocks(records) if records else b"") + _ustar(header)


def padding(size: int) -> bytes:
    """Return the zeros that fill content of this size up to a block."""
    return bytes(-size % BLOCK)


def _pax_blocks(records: dict[str, bytes]) -> bytes:
    content = b"".join(_pax_record(key.encode(), value) for key, value in records.items())
    header = Header(name="././@PaxHeader", type=b"x", mode=0, time=0, size=len(content))
    return _ustar(header) + content + padding(len(content))


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Return ``LENGTH KEY=VALUE``; the length counts its own digits."""
    body = len(key) + len(value) + 3
    length = body
    while length != body + len(str(length)):
        length = body + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _ustar(header: Header) -> bytes:
    uid, gid, user, group = header.owner
    name, target = (
        value.encode("ascii", "replace")[:100] for value in (header.name, header.target)
    )
    size = header.size if header.size < _MAX_OCTAL else 0
    numbers = (b"%07o\0" % header.mode, b"%07o\0" % uid, b"%07o\0" % gid)
    counts = (b"%011o\0" % size, b"%011o\0" % header.time)
    owners = (user.encode(), group.encode(), b"%07o\0" % 0, b"%07o\0" % 0)
    rest = (header.type, target, _USTAR, *owners, b"")
    block = _HEADER.pack(name, *numbers, *counts, b" " * 8, *rest)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
