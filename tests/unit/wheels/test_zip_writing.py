"""One writer: the bytes of a zip follow from names, contents, executable bits and a time."""

from __future__ import annotations

import hashlib
import io
import os
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.wheels.compress import compress, crc32, gzip
from pipeline.wheels.zipwrite import NewMember, dos_time, write_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = 1_700_000_001
COMPRESSED = "775eead95502394bc625dec95a9f3a70a905541055a27e4d0d0e2ac10e47ec8f"
GOLDEN = "13cb0bd635f4de2cc381f470e8433f49748d22de21d5be9d81573cf45af5a90c"
MEMBERS = (
    NewMember(name="pkg/text.py", data=b"print('same bytes on every machine')\n" * 50),
    NewMember(name="pkg/run", data=b"#!/bin/sh\nexit 0\n", executable=True),
    NewMember(name="pkg/\u00e4.txt", data=b""),
)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Move the process to another time zone and umask."""
    before = os.umask(0o077)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    os.umask(before)
    monkeypatch.undo()
    time.tzset()


def written() -> bytes:
    stream = io.BytesIO()
    write_zip(stream, MEMBERS, epoch=EPOCH)
    return stream.getvalue()


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """Fails when the compressor changes: then every wheel changes, which a release must say."""
    assert hashlib.sha256(written()).hexdigest() == GOLDEN


def test_the_compressor_gives_the_same_bytes_on_every_machine() -> None:
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(256))
    data = noise * 8 + bytes(100_000) + bytes(range(256)) * 300
    assert (
        hashlib.sha256(compress(data)).hexdigest()
        == "775eead95502394bc625dec95a9f3a70a905541055a27e4d0d0e2ac10e47ec8f"
    )


@pytest.mark.usefixtures("elsewhere")
def test_the_bytes_do_not_depend_on_time_zone_and_umask() -> None:
    assert hashlib.sha256(written()).hexdigest() == GOLDEN


def test_the_standard_library_reads_what_was_written() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == [member.name for member in MEMBERS]
        assert [archive.read(entry) for entry in entries] == [member.data for member in MEMBERS]


def test_every_header_field_is_fixed() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(2023, 11, 14, 22, 13, 20)}
    assert {(entry.create_system, entry.create_version) for entry in entries} == {(3, 20)}
    assert {(entry.extra, entry.comment, entry.internal_attr) for entry in entries} == {
        (b"", b"", 0)
    }
    assert [oct(entry.external_attr >> 16) for entry in entries] == [
        "0o100644",
        "0o100755",
        "0o100644",
    ]


def test_the_utf8_flag_is_set_only_where_a_name_needs_it() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        assert [entry.flag_bits for entry in archive.infolist()] == [0, 0, 0x800]


def test_what_does_not_shrink_is_stored() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        methods = [entry.compress_type for entry in archive.infolist()]
    assert methods == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_STORED]


@pytest.mark.parametrize(
    ("epoch", "moment"),
    [
        (0, (1980, 1, 1, 0, 0, 0)),
        (-(10**18), (1980, 1, 1, 0, 0, 0)),
        (315_532_800, (1980, 1, 1, 0, 0, 0)),
        (EPOCH, (2023, 11, 14, 22, 13, 20)),
        (4_354_819_199, (2107, 12, 31, 23, 59, 58)),
        (4_354_819_200, (2107, 12, 31, 23, 59, 58)),
        (10**18, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_times_are_clipped_to_what_a_zip_can_hold(
    epoch: int, moment: tuple[int, int, int, int, int, int]
) -> None:
    date, clock = dos_time(epoch)
    year, month, day, hour, minute, second = moment
    assert (date >> 9, date >> 5 & 15, date & 31) == (year - 1980, month, day)
    assert (clock >> 11, clock >> 5 & 63, (clock & 31) * 2) == (hour, minute, second)


def test_the_gzip_header_has_no_time_and_no_name() -> None:
    assert bytes(gzip(b"data"))[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def test_the_checksum_is_the_one_of_zip() -> None:
    assert crc32(b"123456789") == 0xCBF43926
