"""The records of a zip file as values: end record, central directory, local headers.

Only what APPNOTE.TXT 6.3 says and every reader understands alike is taken; a record that two
readers could read differently is refused. See also the rules PyPI has had since August 2025
(warehouse, ``warehouse/utils/zipfiles.py``).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from functools import cached_property

STORED = 0
DEFLATED = 8
UTF8_FLAG = 1 << 11
DESCRIPTOR_FLAG = 1 << 3
# Bits 1 and 2 tell how hard the compressor tried; with 3 and 11 they are all that wheels need.
KNOWN_FLAGS = 0b110 | DESCRIPTOR_FLAG | UTF8_FLAG

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
END64_SIGNATURE = b"PK\x06\x06"
LOCATOR64_SIGNATURE = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
MAX_16 = 0xFFFF
MAX_32 = 0xFFFF_FFFF

_ZIP64 = 0x0001
# Unicode path and comment (0x7075, 0x6375) rename a member for some readers only, AES encrypts.
_REFUSED_EXTRAS = {0x7075: "a second name", 0x6375: "a second comment", 0x9901: "encryption"}


class HeaderError(ValueError):
    """A record is not what it has to be; the message completes "member X ..."."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of a zip, as the central directory tells it; offsets and sizes in bytes."""

    raw_name: bytes
    made_by: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    attributes: int
    internal: int
    offset: int
    extra: bytes

    @cached_property
    def name(self) -> str:
        """The name; a byte above 127 needs the UTF-8 flag, or readers disagree about it."""
        try:
            return self.raw_name.decode("utf-8" if self.flags & UTF8_FLAG else "ascii")
        except UnicodeDecodeError as error:
            raise HeaderError("has a name that is not UTF-8, or does not say that it is") from error

    @property
    def mode(self) -> int:
        """File type and permission bits (stat(2)), 0 where the writer gave none."""
        return self.attributes >> 16

    @property
    def is_link(self) -> bool:
        """Whether it says that it is a symbolic link; its content is the target then."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_directory(self) -> bool:
        """Whether the name says that it is a directory."""
        return self.raw_name.endswith(b"/")


def parse_central(data: bytes, offset: int) -> tuple[Member, int]:
    """Return the member whose central record starts at ``offset``, and where the next starts."""
    if len(data) - offset < CENTRAL.size:
        raise HeaderError("has a cut-off central record")
    signature, made_by, _, flags, method, time, date, crc, packed, size, *rest = (
        CENTRAL.unpack_from(data, offset)
    )
    name_size, extra_size, comment_size, disk, internal, attributes, header = rest
    name_end = offset + CENTRAL.size + name_size
    end = name_end + extra_size
    if signature != CENTRAL_SIGNATURE or end > len(data) or comment_size or disk:
        raise HeaderError("has a malformed central record, or a comment")
    extra = data[name_end:end]
    size, packed, header = widened(extra, size, packed, header)
    member = Member(
        raw_name=data[offset + CENTRAL.size : name_end],
        made_by=made_by,
        flags=flags,
        method=method,
        time=time,
        date=date,
        crc=crc,
        packed=packed,
        size=size,
        attributes=attributes,
        internal=internal,
        offset=header,
        extra=extra,
    )
    return member, end


def check_local(member: Member, header: bytes, name: bytes, extra: bytes) -> None:
    """Refuse a local header that tells anything else than the central record.

    With a data descriptor the sizes and the checksum may be left at zero here.
    """
    signature, _, flags, method, time, date, crc, packed, size, _, _ = LOCAL.unpack(header)
    if signature != LOCAL_SIGNATURE:
        raise HeaderError("has no local header where the central directory says")
    size, packed = widened(extra, size, packed)
    told = (name, flags, method, time, date)
    known = (member.raw_name, member.flags, member.method, member.time, member.date)
    counts = (crc, packed, size)
    unknown_yet = bool(flags & DESCRIPTOR_FLAG) and counts == (0, 0, 0)
    if told != known or not (unknown_yet or counts == (member.crc, member.packed, member.size)):
        raise HeaderError("has a local header that differs from the central directory")


def check_descriptor(member: Member, data: bytes) -> None:
    """Refuse what stands between a member's data and the next header unless it repeats its sizes.

    The signature is optional and the sizes may have 4 or 8 bytes (APPNOTE.TXT 4.3.9).
    """
    body = data.removeprefix(DESCRIPTOR_SIGNATURE) if len(data) in {16, 24} else data
    counts = (member.crc, member.packed, member.size)
    layout = {12: "<3L", 20: "<L2Q"}.get(len(body), "")
    if not member.flags & DESCRIPTOR_FLAG or not layout or struct.unpack(layout, body) != counts:
        raise HeaderError("is followed by bytes that belong to nothing")


def widened(extra: bytes, *fields: int) -> tuple[int, ...]:
    """Return ``fields`` with those at their 32-bit maximum read from the zip64 extra field.

    The extra field must hold exactly the values that are missing, or repeat those that are not:
    writers that reserve it while streaming do the latter.
    """
    values = _zip64_values(extra)
    missing = fields.count(MAX_32)
    if len(values) == missing:
        wide = iter(values)
        return tuple(next(wide) if field == MAX_32 else field for field in fields)
    if not missing and values == fields[: len(values)]:
        return fields
    raise HeaderError("has a zip64 field that does not fit its header")


def _zip64_values(extra: bytes) -> tuple[int, ...]:
    values: tuple[int, ...] = ()
    seen: set[int] = set()
    offset = 0
    while offset < len(extra):
        if len(extra) - offset < 4:
            raise HeaderError("has a malformed extra field")
        kind, size = struct.unpack_from("<2H", extra, offset)
        offset += 4
        if offset + size > len(extra) or kind in seen:
            raise HeaderError("has a malformed or repeated extra field")
        if kind in _REFUSED_EXTRAS:
            raise HeaderError(f"has an extra field with {_REFUSED_EXTRAS[kind]}")
        if kind == _ZIP64:
            if size % 8 or size > 24:
                raise HeaderError("has a malformed zip64 field")
            values = struct.unpack_from(f"<{size // 8}Q", extra, offset)
        seen.add(kind)
        offset += size
    return values
