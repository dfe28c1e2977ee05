"""The one writer of sdists: pax tar in gzip, the bytes follow from names, contents and a time.

Owner and group 0 without names, modes 0644 and 0755 (links 0777, which nobody heeds), every time
the same, no directory entries, no time or name in the gzip header.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.wheels.compress import gzip
from pipeline.wheels.tarheaders import BLOCK, Header, padding, render_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.wheels.compress import Data

_RECORD = 20 * BLOCK
_MAX_TIME = 8**11 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMember:
    """A file, or a symbolic link when it has a target, to be written."""

    name: str
    data: Data = b""
    executable: bool = False
    target: str = ""


def write_targz(members: Iterable[NewMember], *, epoch: int) -> Data:
    """Return ``members``, in the order given, as a ``.tar.gz``; ``epoch`` in seconds since 1970."""
    tar = bytearray()
    time = min(max(epoch, 0), _MAX_TIME)
    for member in members:
        tar += render_header(_header(member, time))
        tar += member.data
        tar += padding(len(member.data))
    tar += bytes(2 * BLOCK)
    tar += bytes(-len(tar) % _RECORD)  # POSIX: written in records of twenty blocks
    return gzip(tar)


def _header(member: NewMember, time: int) -> Header:
    if member.target:
        return Header(
            name=member.name, type=b"2", mode=0o777, time=time, size=0, target=member.target
        )
    mode = 0o755 if member.executable else 0o644
    return Header(name=member.name, type=b"0", mode=mode, time=time, size=len(member.data))
