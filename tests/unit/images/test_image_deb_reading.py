from __future__ import annotations

import dataclasses
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import PipelineError, VerificationError
from pipeline.images import streams
from pipeline.images.deb import Deb, fields
from tests.unit.images.conftest import ar, directory, entry, packed, tarball

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.images.conftest import Debs

FILES = [directory("./usr/"), directory("./usr/bin/"), entry("./usr/bin/tool", b"tool", mode=0o755)]


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".zst", ""])
def test_every_compression_of_deb5_gives_the_same_files(debs: Debs, suffix: str) -> None:
    out = debs.unpack(debs.make(FILES, suffix=suffix))
    assert (out / "usr/bin/tool").read_bytes() == b"tool"


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_long_links_arrive_whole(debs: Debs, format_: int) -> None:
    name = "usr/share/" + "d" * 90 + "/" + "n" * 90
    items = [entry(f"./{name}", b"x")]
    if format_ == tarfile.GNU_FORMAT:
        items += [
            entry("./usr/share/" + "e" * 200, b"y"),
            entry("./usr/share/l", type=tarfile.SYMTYPE, linkname="t" * 150),
        ]
    out = debs.unpack(debs.make(items, format_=format_))
    assert (out / name).read_bytes() == b"x"
    if format_ == tarfile.GNU_FORMAT:
        assert (out / "usr/share" / ("e" * 200)).read_bytes() == b"y"
        assert str((out / "usr/share/l").readlink()) == "t" * 150


def test_without_any_zstd_a_hint_says_what_to_install(
    debs: Debs, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = debs.raw(b"anything", suffix=".zst")
    monkeypatch.setattr(streams, "_zstd_module", lambda _: None)
    monkeypatch.setenv("PATH", str(debs.root))
    with pytest.raises(PipelineError, match="zstd") as caught:
        debs.unpack(package)
    assert "install" in caught.value.hint


def test_broken_zstd_is_refused(debs: Debs) -> None:
    good = packed(tarball(FILES), ".zst")
    with pytest.raises(VerificationError, match=r"thing_1:1\.0-1_all\.deb"):
        debs.unpack(debs.raw(good[: len(good) // 2], suffix=".zst"))


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_a_compressed_stream_that_is_cut_short_is_refused(debs: Debs, suffix: str) -> None:
    good = packed(tarball(FILES), suffix)
    with pytest.raises(VerificationError, match="cut short"):
        debs.unpack(debs.raw(good[:-6], suffix=suffix))


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_data_after_the_compressed_stream_is_refused(debs: Debs, suffix: str) -> None:
    with pytest.raises(VerificationError, match="data after"):
        debs.unpack(debs.raw(packed(tarball(FILES), suffix) + b"more", suffix=suffix))


def test_a_flipped_byte_in_compressed_data_is_refused(debs: Debs) -> None:
    bad = bytearray(packed(tarball([entry("./a", bytes(range(256)) * 50)]), ".xz"))
    bad[len(bad) // 2] ^= 1
    with pytest.raises(VerificationError, match="cannot be decompressed"):
        debs.unpack(debs.raw(bytes(bad)))


def test_an_unknown_compression_is_refused(debs: Debs) -> None:
    with pytest.raises(VerificationError, match=r"\.lzma"):
        debs.unpack(debs.raw(b"", suffix=".lzma"))


def test_a_package_that_is_not_the_locked_one_is_refused(debs: Debs) -> None:
    package = dataclasses.replace(debs.make(FILES), version="2.0")
    with pytest.raises(VerificationError, match="do not agree"):
        debs.unpack(package)


CONTROL = packed(tarball([entry("./control", b"Package: thing\n")]), ".xz")
DATA = packed(tarball(FILES), ".xz")
VERSION = ("debian-binary", b"2.0\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a Debian package"),
        (b"PK\x03\x04 something else", "not a Debian package"),
        (ar([VERSION, ("data.tar.xz", DATA), ("control.tar.xz", CONTROL)]), "members"),
        (ar([VERSION, ("control.tar.xz", CONTROL)]), "members"),
        (ar([VERSION, ("control.tar.xz", CONTROL), *[("data.tar.xz", DATA)] * 2]), "members"),
        (
            ar([("debian-binary", b"3.0\n"), ("control.tar.xz", CONTROL), ("data.tar.xz", DATA)]),
            "format",
        ),
        (ar([VERSION, ("control.tar.xz", CONTROL), ("data.tar.xz", DATA)])[:-40], "cut short"),
        (ar([VERSION, ("control.tar.xz", CONTROL), ("data.tar.xz", DATA)]) + b"x", "header"),
    ],
)
def test_a_file_that_is_no_sound_package_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(VerificationError, match=words):
        Deb(path, "file")


def test_a_package_without_a_control_file_is_refused(tmp_path: Path) -> None:
    empty = packed(tarball([]), ".xz")
    path = tmp_path / "file"
    path.write_bytes(ar([VERSION, ("control.tar.xz", empty), ("data.tar.xz", DATA)]))
    with Deb(path, "file") as deb, pytest.raises(VerificationError, match="no control file"):
        deb.control()


def test_fields_are_read_without_their_continuations() -> None:
    text = "Package: a\nDescription: short\n Version: no field\n.\nVersion:  1 \n"
    assert fields(text) == {"Package": "a", "Description": "short", "Version": "1"}


def test_a_bomb_is_never_held_in_memory() -> None:
    """A decompressor hands out bounded pieces, whatever it is fed."""
    data = packed(bytes(64 << 20), ".gz")
    pieces = streams.decompressed(".gz", iter([data]), "bomb")
    assert max(sys.getsizeof(piece) for piece in pieces) <= streams.CHUNK + 100
