"""Read zip files strictly: one content for every reader, or none.

The file must be nothing but its members in a row, the central directory and the end record: no
bytes before, between or after, no duplicate, nothing encrypted, every local header equal to the
central one, every checksum right. Data is streamed; only who asks for all of a member holds it.
"""

from __future__ import annotations

import contextlib
import stat
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.wheels import zipheaders as headers
from pipeline.wheels.archive import LIMITS, MIB, Limits, check_names, refusal, shown
from pipeline.wheels.zipheaders import HeaderError, Member

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_MAX_DIRECTORY = 64 * MIB


class ZipReader:
    """An open, checked zip file.

    ``members`` are its files in the order of the central directory, ``directories`` how many
    entries were directories, which carry nothing and are left out.
    """

    def __init__(self, path: Path, stream: BinaryIO, limits: Limits) -> None:
        self.path = path
        self._stream = stream
        self._data_offsets: dict[int, int] = {}
        entries, end = self._read_directory(limits)
        self.members = tuple(entry for entry in entries if not entry.is_directory)
        self.directories = len(entries) - len(self.members)
        self._check(entries, limits)
        self._check_layout(entries, end)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Yield the content of ``member`` in pieces; VerificationError when it is damaged."""
        crc = size = 0
        for chunk in self._unpacked(member):
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            if size > member.size:
                break
            yield chunk
        if (crc, size) != (member.crc, member.size):
            raise self._refuse(member, "does not have the size or checksum that its header tells")

    def read(self, member: Member) -> bytearray:
        """Return all of ``member``; VerificationError when it is damaged."""
        # Made at full size, which `_check_member` has bounded: growing it would cost a second copy.
        data = bytearray(member.size)
        position = 0
        for chunk in self.chunks(member):
            data[position : position + len(chunk)] = chunk
            position += len(chunk)
        return data

    def packed(self, member: Member) -> Iterator[bytes]:
        """Yield the bytes of ``member`` as they are in the file, compressed."""
        left = member.packed
        position = self._data_offsets[member.offset]
        while left:
            # Others may have moved the stream between two pieces.
            self._stream.seek(position)
            chunk = self._stream.read(min(left, MIB))
            if not chunk:
                raise self._refuse(member, "is cut off")
            left -= len(chunk)
            position += len(chunk)
            yield chunk

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        if member.method == headers.STORED:
            yield from self.packed(member)
            return
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self.packed(member):
                pending = packed
                while pending:
                    yield unpacker.decompress(pending, MIB)
                    pending = unpacker.unconsumed_tail
                    if unpacker.eof or unpacker.unused_data:
                        break
            while not unpacker.eof and (chunk := unpacker.decompress(b"", MIB)):
                yield chunk
        except zlib.error as error:
            raise self._refuse(member, f"cannot be unpacked: {error}") from error
        if not unpacker.eof or unpacker.unused_data:
            raise self._refuse(member, "has a deflate stream of another length than told")

    def _read_directory(self, limits: Limits) -> tuple[list[Member], int]:
        count, size, offset = _find_directory(self.path, self._stream)
        if count > limits.members or size > _MAX_DIRECTORY:
            raise refusal(self.path, f"it has {count} members, more than anyone unpacks")
        self._stream.seek(offset)
        data = self._stream.read(size)
        entries: list[Member] = []
        position = 0
        while position < len(data):
            try:
                member, position = headers.parse_central(data, position)
            except HeaderError as error:
                raise refusal(self.path, f"member {len(entries) + 1} {error}") from error
            entries.append(member)
        if len(entries) != count:
            raise refusal(self.path, f"its end record tells {count} members, not {len(entries)}")
        return entries, offset

    def _check(self, entries: list[Member], limits: Limits) -> None:
        for member in entries:
            try:
                _check_member(member, limits)
            except HeaderError as error:
                raise self._refuse(member, str(error)) from error
        if sum(member.size for member in entries) > limits.unpacked:
            raise refusal(self.path, f"it unpacks to more than {limits.unpacked} bytes")
        directories = [entry.name.removesuffix("/") for entry in entries if entry.is_directory]
        check_names(self.path, [member.name for member in self.members], directories)
        if len(set(directories)) != len(directories):
            raise refusal(self.path, "a directory stands twice in it")

    def _check_layout(self, entries: list[Member], end: int) -> None:
        ordered = sorted(entries, key=lambda member: member.offset)
        starts = [*(member.offset for member in ordered), end]
        if starts[0] != 0:
            raise refusal(self.path, "bytes stand before the first member")
        for member, (start, following) in zip(ordered, pairwise(starts), strict=True):
            try:
                self._check_local(member, start, following)
            except HeaderError as error:
                raise self._refuse(member, str(error)) from error

    def _check_local(self, member: Member, start: int, following: int) -> None:
        self._stream.seek(start)
        header = self._stream.read(headers.LOCAL.size)
        if len(header) < headers.LOCAL.size:
            raise HeaderError("has a cut-off local header")
        name_size, extra_size = headers.LOCAL.unpack(header)[-2:]
        name = self._stream.read(name_size)
        headers.check_local(member, header, name, self._stream.read(extra_size))
        data = start + headers.LOCAL.size + name_size + extra_size
        gap = following - (data + member.packed)
        if not 0 <= gap <= 24:
            raise HeaderError("overlaps the next one, or leaves a gap before it")
        if gap or member.flags & headers.DESCRIPTOR_FLAG:
            self._stream.seek(data + member.packed)
            headers.check_descriptor(member, self._stream.read(gap))
        self._data_offsets[member.offset] = data

    def _refuse(self, member: Member, sentence: str) -> VerificationError:
        name = member.raw_name.decode(errors="backslashreplace")
        return refusal(self.path, f"member {shown(name)} {sentence}")


@contextlib.contextmanager
def open_zip(path: Path, limits: Limits = LIMITS) -> Iterator[ZipReader]:
    """Open and check a zip file; VerificationError says which member is wrong and why."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise VerificationError(f"`{path}` cannot be read: {error.strerror}") from error
    with stream:
        yield ZipReader(path, stream, limits)


def _check_member(member: Member, limits: Limits) -> None:
    kind = stat.S_IFMT(member.mode)
    expected = stat.S_IFDIR if member.is_directory else stat.S_IFREG
    if kind not in {0, expected} and (member.is_directory or not member.is_link):
        raise HeaderError("is a device, or is no file, no directory and no link")
    if member.flags & ~headers.KNOWN_FLAGS:
        raise HeaderError("is encrypted, or has flags that readers do not agree upon")
    if member.method not in {headers.STORED, headers.DEFLATED}:
        raise HeaderError(f"uses compression method {member.method}, not deflate")
    if member.method == headers.STORED and member.packed != member.size:
        raise HeaderError("is stored with two different sizes")
    if member.is_directory and member.size:
        raise HeaderError("is a directory with content")
    packed_from = max(limits.ratio_from, limits.ratio * member.packed)
    if member.size > limits.member or member.size > packed_from:
        raise HeaderError(f"unpacks {member.packed} bytes to {member.size}, which is a bomb")
    if "\0" in member.name:
        raise HeaderError("has a NUL in its name")


def _find_directory(path: Path, stream: BinaryIO) -> tuple[int, int, int]:
    """Return how many members the central directory has, its size and its offset."""
    length = stream.seek(0, 2)
    tail_size = headers.END.size + headers.LOCATOR64.size + headers.END64.size
    stream.seek(max(0, length - tail_size))
    tail = stream.read(tail_size).rjust(tail_size, b"\0")
    signature, disk, first, here, count, size, offset, comment = headers.END.unpack(
        tail[-headers.END.size :]
    )
    if signature != headers.END_SIGNATURE or comment or disk or first or here != count:
        raise refusal(path, "it does not end with a zip's end record (cut off, or bytes after it)")
    end = length - headers.END.size
    fields = (count, size, offset)
    if tail[headers.END64.size :].startswith(headers.LOCATOR64_SIGNATURE):
        end -= headers.LOCATOR64.size + headers.END64.size
        fields = _find_directory64(path, tail, end, fields)
    count, size, offset = fields
    if offset + size != end:
        raise refusal(path, "its central directory is not where its end record says")
    return fields


def _find_directory64(
    path: Path, tail: bytes, end: int, narrow: tuple[int, int, int]
) -> tuple[int, int, int]:
    locator = headers.LOCATOR64.unpack_from(tail, headers.END64.size)
    signature, size, _, _, disk, first, here, *wide = headers.END64.unpack_from(tail)
    fields = (wide[0], wide[1], wide[2])
    sound = (
        locator[1:] == (0, end, 1)
        and (signature, size) == (headers.END64_SIGNATURE, headers.END64.size - 12)
        and (disk, first, here) == (0, 0, fields[0])
    )
    maxima = (headers.MAX_16, headers.MAX_32, headers.MAX_32)
    for value, short, maximum in zip(fields, narrow, maxima, strict=True):
        sound = sound and short in {value, maximum}
    if not sound:
        raise refusal(path, "its zip64 end record is malformed or contradicts the other one")
    return fields
