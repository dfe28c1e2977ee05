"""The one writer of zip files: the bytes follow from names, contents, executable bits and a time.

No extra fields, no directory entries, no comments, no data descriptors, modes 0644 and 0755 only,
made by "Unix, 2.0" everywhere, the UTF-8 flag where a name needs it. A member is deflated, or
stored when that is not longer.
"""

from __future__ import annotations

import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.wheels import zipheaders as headers
from pipeline.wheels.compress import compress, crc32

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from pipeline.wheels.compress import Data

_VERSION = 20
_MADE_BY = (3 << 8) | _VERSION
_FIRST = (1980, 1, 1, 0, 0, 0)
_LAST = (2107, 12, 31, 23, 59, 58)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMember:
    """A file to be written."""

    name: str
    data: Data
    executable: bool = False


def dos_time(epoch: int) -> tuple[int, int]:
    """Return date and time of a zip for seconds since 1970, UTC.

    They hold 1980 to 2107 in steps of two seconds; what lies outside becomes the nearest end.
    """
    try:
        moment = tuple(time.gmtime(epoch)[:6])
    except (OverflowError, OSError):  # the year does not fit the C library's int
        moment = _FIRST if epoch < 0 else _LAST
    year, month, day, hour, minute, second = min(max(moment, _FIRST), _LAST)
    return (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2


def write_zip(stream: BinaryIO, members: Iterable[NewMember], *, epoch: int) -> None:
    """Write ``members``, in the order given, as a zip file to ``stream`` from its start.

    Only one member's content is held at a time. VerificationError where zip64 would be needed,
    which no index takes in a wheel.
    """
    writer = _Writer(stream, dos_time(epoch))
    # Not a loop: its variable would keep one member alive while the next is read.
    directory = b"".join(map(writer.add, members))
    counts = (0, 0, writer.count, writer.count, len(directory), writer.offset, 0)
    stream.write(directory)
    stream.write(headers.END.pack(headers.END_SIGNATURE, *counts))


class _Writer:
    """Where the next member goes and how many there are."""

    def __init__(self, stream: BinaryIO, moment: tuple[int, int]) -> None:
        self.count = 0
        self.offset = 0
        self._stream = stream
        self._moment = moment

    def add(self, member: NewMember) -> bytes:
        """Write a member and return its record for the central directory."""
        method, packed = _packed(member.data)
        name, fields = _fields(member, self._moment, method, len(packed))
        record = _central(member, name, fields, self.offset)
        local = headers.LOCAL.pack(headers.LOCAL_SIGNATURE, _VERSION, *fields) + name
        self._stream.write(local)
        self._stream.write(packed)
        self.offset += len(local) + len(packed)
        self.count += 1
        if self.count >= headers.MAX_16 or self.offset >= headers.MAX_32:
            raise _too_large(member)
        return record


def _packed(data: Data) -> tuple[int, Data]:
    deflated = compress(data)
    if len(deflated) < len(data):
        return headers.DEFLATED, deflated
    return headers.STORED, data


def _fields(
    member: NewMember, moment: tuple[int, int], method: int, packed: int
) -> tuple[bytes, tuple[int, ...]]:
    """Return the encoded name and the fields that the local and the central header share."""
    name = member.name.encode()
    size = len(member.data)
    if size >= headers.MAX_32 or len(name) > headers.MAX_16:
        raise _too_large(member)
    flags = 0 if member.name.isascii() else headers.UTF8_FLAG
    date, clock = moment
    return name, (flags, method, clock, date, crc32(member.data), packed, size, len(name), 0)


def _central(member: NewMember, name: bytes, fields: tuple[int, ...], offset: int) -> bytes:
    mode = stat.S_IFREG | (0o755 if member.executable else 0o644)
    ends = (0, 0, 0, mode << 16, offset)  # comment, disk, internal attributes, attributes, header
    record = headers.CENTRAL.pack(headers.CENTRAL_SIGNATURE, _MADE_BY, _VERSION, *fields, *ends)
    return record + name


def _too_large(member: NewMember) -> VerificationError:
    return VerificationError(
        f"`{member.name}` does not fit: the archive has over 65534 members or 4 GiB",
        hint="split the distribution; no index takes a wheel that needs zip64",
    )
