"""The strict zip reader gives one content for every reader, or refuses by name."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.wheels.archive import Limits
from pipeline.wheels.zipread import open_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENTS = {"pkg/a.py": b"a = 1\n" * 40, "pkg/b.py": b"b = 2\n"}


def zip_of(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)  # about duplicate names
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name.removesuffix("#"), (2024, 5, 6, 7, 8, 10))
            archive.writestr(entry, content, method)
    return stream.getvalue()


def with_mode(mode: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("pkg/odd")
        entry.external_attr = mode << 16
        archive.writestr(entry, "target")
    return stream.getvalue()


def read(path: Path, data: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    path.write_bytes(data)
    with open_zip(path, limits or Limits()) as reader:
        return {member.name: bytes(reader.read(member)) for member in reader.members}


def test_members_read_as_they_were_written(tmp_path: Path) -> None:
    assert read(tmp_path / "a.whl", zip_of(CONTENTS)) == CONTENTS
    assert read(tmp_path / "a.whl", zip_of(CONTENTS, zipfile.ZIP_STORED)) == CONTENTS


def test_large_members_come_in_pieces_and_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20000
    path = tmp_path / "a.whl"
    path.write_bytes(zip_of({"big": content}))
    with open_zip(path) as reader:
        pieces = list(reader.chunks(reader.members[0]))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["pkg/a", "pkg/a#"], "stands twice"),
        (["pkg", "pkg/a"], "a file and a directory"),
        (["/etc/passwd"], "absolute"),
        (["C:/windows"], "absolute"),
        (["pkg/../../a"], "`..`"),
        (["pkg/./a"], "`.` part"),
        (["pkg//a"], "empty"),
        (["pkg/../"], "`..`"),
        (["pkg\\..\\..\\a"], "`..`"),
        (["\\pkg"], "absolute"),
        (["pkg/a\x7fb"], "control"),
        (["pkg/a\nb"], "control"),
        (["pkg/a\x1bb"], "control"),
        (["/".join("a" * 70)], "deeper"),
        (["a" * 300], "longer"),
        (["pkg/", "pkg/#"], "twice"),
    ],
)
def test_names_that_could_be_two_things_are_refused(
    tmp_path: Path, names: list[str], words: str
) -> None:
    with pytest.raises(VerificationError, match=words):
        read(tmp_path / "a.whl", zip_of(dict.fromkeys(names, b"")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"#!/bin/sh\n" + data, "central directory is not where"),
        (lambda data: data + b"\0", "does not end with"),
        (lambda data: data + data, "central directory is not where"),
        (lambda data: data[:-2] + b"\x03\0abc", "does not end with"),
        (lambda data: data.replace(b"pkg/b.py", b"pkg/c.py", 1), "differs from the central"),
        (lambda data: data.replace(b"pkg/b.py", b"pkg/b\0py"), "NUL"),
        (lambda data: data.replace(b"pkg/b.py", b"pkg/b\xff.p"), "not UTF-8"),
        (lambda data: flagged(data, 1), "encrypted"),
        (lambda data: flagged(data, 1 << 13), "encrypted"),
        (lambda data: flagged(data, 1 << 3), "bytes that belong to nothing"),
    ],
)
def test_what_two_readers_would_read_differently_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], words: str
) -> None:
    data = zip_of(CONTENTS, zipfile.ZIP_STORED)
    with pytest.raises(VerificationError, match=words):
        read(tmp_path / "a.whl", change(data))


def flagged(data: bytes, flag: int) -> bytes:
    """Set a flag in every local and central header."""
    changed = bytearray(data)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(signature)
        while start >= 0:
            struct.pack_into("<H", changed, start + place, flag)
            start = changed.find(signature, start + 1)
    return bytes(changed)


def test_a_member_unknown_to_the_central_directory_is_refused(tmp_path: Path) -> None:
    whole, first = zip_of(CONTENTS), zip_of({"pkg/a.py": CONTENTS["pkg/a.py"]})
    hidden = whole[: whole.index(b"PK\x01\x02")]
    directory = first[first.index(b"PK\x01\x02") :]
    end = struct.pack("<L", len(hidden))
    with pytest.raises(VerificationError, match="leaves a gap"):
        read(tmp_path / "a.whl", hidden + directory[:-6] + end + directory[-2:])


def test_two_members_that_share_their_data_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of({"pkg/a": b"same", "pkg/b": b"same"}))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    struct.pack_into("<L", data, second + 42, 0)
    with pytest.raises(VerificationError, match=r"differs from the central|overlaps"):
        read(tmp_path / "a.whl", bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_than_deflate_is_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(VerificationError, match=r"method|flags"):
        read(tmp_path / "a.whl", zip_of(CONTENTS, method))


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR])
def test_devices_are_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(VerificationError, match="`pkg/odd` is a device"):
        read(tmp_path / "a.whl", with_mode(kind | 0o644))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="bomb"):
        read(tmp_path / "a.whl", zip_of({"zeros": bytes(20 << 20)}))
    with pytest.raises(VerificationError, match="2 members"):
        read(tmp_path / "a.whl", zip_of(CONTENTS), Limits(members=1))
    with pytest.raises(VerificationError, match="unpacks to more than 100 bytes"):
        read(tmp_path / "a.whl", zip_of(CONTENTS), Limits(unpacked=100))


def test_a_size_that_lies_is_found_while_reading(tmp_path: Path) -> None:
    data = zip_of({"pkg/a": b"x" * 1000})
    short = data.replace(struct.pack("<L", 1000), struct.pack("<L", 10))
    assert short != data
    with pytest.raises(VerificationError, match="size or checksum"):
        read(tmp_path / "a.whl", short)


def test_flipped_content_is_found_while_reading(tmp_path: Path) -> None:
    data = zip_of(CONTENTS, zipfile.ZIP_STORED)
    with pytest.raises(VerificationError, match=r"`pkg/b.py` does not have the size or checksum"):
        read(tmp_path / "a.whl", data.replace(b"b = 2", b"b = 3"))


def test_bytes_after_a_deflate_stream_are_refused(tmp_path: Path) -> None:
    data = zip_of({"pkg/a": bytes(range(250)) + bytes(100)})
    packed = zipfile.ZipFile(io.BytesIO(data)).infolist()[0].compress_size
    longer = data.replace(struct.pack("<L", packed), struct.pack("<L", packed + 3))
    start = data.index(b"PK\x01\x02")
    shifted = bytearray(longer[:start] + b"abc" + longer[start:])
    struct.pack_into("<L", shifted, len(shifted) - 6, start + 3)
    with pytest.raises(VerificationError, match="deflate stream"):
        read(tmp_path / "a.whl", bytes(shifted))


class Unseekable(io.RawIOBase):
    """A stream that makes `zipfile` write data descriptors."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep the bytes."""
        self.data += bytes(data)
        return len(data)


def described() -> bytes:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    return stream.data


def test_data_descriptors_are_read_and_checked(tmp_path: Path) -> None:
    data = described()
    assert b"PK\x07\x08" in data
    assert read(tmp_path / "a.whl", data) == CONTENTS
    place = data.index(b"PK\x07\x08") + 4
    with pytest.raises(VerificationError, match="bytes that belong to nothing"):
        read(tmp_path / "a.whl", data[:place] + b"\0\0\0\0" + data[place + 4 :])


def test_zip64_fields_are_read_where_they_are_sound(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w") as archive,
        archive.open("pkg/a", "w", force_zip64=True) as member,
    ):
        member.write(b"wide")
    data = stream.getvalue()
    assert read(tmp_path / "a.whl", data) == {"pkg/a": b"wide"}
    wrong = data.replace(struct.pack("<2HQ", 1, 16, 4), struct.pack("<2HQ", 1, 16, 5), 1)
    assert wrong != data
    with pytest.raises(VerificationError, match=r"differs from the central|zip64"):
        read(tmp_path / "a.whl", wrong)


def test_a_zip64_end_record_must_agree_with_the_plain_one(tmp_path: Path) -> None:
    data = zip_of(CONTENTS)
    end = data[-22:]
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2LH", end)

    def with_count(wide: int) -> bytes:
        record = struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, wide, wide, size, offset
        )
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(data) - 22, 1)
        return data[:-22] + record + locator + end

    assert read(tmp_path / "a.whl", with_count(count)) == CONTENTS
    with pytest.raises(VerificationError, match="zip64 end record"):
        read(tmp_path / "a.whl", with_count(count + 1))


def test_directories_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(zip_of({"pkg/": b"", **CONTENTS}))
    with open_zip(path) as reader:
        assert [member.name for member in reader.members] == list(CONTENTS)
        assert reader.directories == 1


def test_a_cut_off_file_is_always_refused(tmp_path: Path) -> None:
    data = zip_of(CONTENTS)
    for length in range(len(data)):
        with pytest.raises(VerificationError):
            read(tmp_path / "a.whl", data[:length])


def test_no_flipped_byte_changes_a_content_or_raises_anything_else(tmp_path: Path) -> None:
    for data in (zip_of(CONTENTS), described()):
        for place in range(len(data)):
            flipped = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
            try:
                contents = read(tmp_path / "a.whl", flipped)
            except VerificationError:
                continue
            assert contents == CONTENTS


def test_a_missing_file_is_an_expected_error(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="cannot be read"), open_zip(tmp_path / "a.whl"):
        pass
