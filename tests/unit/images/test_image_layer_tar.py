from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.images.layer import header, measure, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    deep = root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "shared").mkdir()
    (root / "shared").chmod(0o1777)
    (deep / ("f" * 60)).write_bytes(b"deep")
    (root / ("n" * 200)).write_bytes(b"long")
    (root / "größe").write_bytes(b"umlaut")
    (root / "program").write_bytes(b"#!/bin/sh\n" * 100)
    (root / "program").chmod(0o4711)
    (root / "a-b").write_bytes(b"")
    (root / "a").mkdir()
    (root / "a" / "x").write_bytes(bytes(512))
    (root / "link").symlink_to("a/x")
    (root / "far").symlink_to("t" * 150)
    return root


def read(directory: Path) -> tuple[bytes, dict[str, tarfile.TarInfo]]:
    stream = io.BytesIO()
    write(directory, stream)
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as tar:
        return stream.getvalue(), {info.name: info for info in tar}


def test_the_standard_reader_finds_every_file_with_normalised_metadata(directory: Path) -> None:
    data, found = read(directory)
    paths = {str(path.relative_to(directory)) for path in directory.rglob("*")}
    assert set(found) == paths
    assert {(info.uid, info.gid, info.uname, info.mtime) for info in found.values()} == {
        (0, 0, "", 315_532_800)
    }
    assert (found["program"].mode, found["a/x"].mode) == (0o755, 0o644)
    assert (found["shared"].mode, found["a"].mode) == (0o1777, 0o755)
    assert found["far"].linkname == "t" * 150
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        content = tar.extractfile("größe")
        assert content is not None
        assert content.read() == b"umlaut"


def test_entries_are_sorted_with_parents_first(directory: Path) -> None:
    _, found = read(directory)
    encoded = [name.encode() for name in found]
    assert encoded == sorted(encoded)
    for name in found:
        parent = name.rpartition("/")[0]
        assert not parent or list(found).index(parent) < list(found).index(name)


def test_measuring_gives_the_digest_of_what_is_written(directory: Path) -> None:
    data, _ = read(directory)
    tar, entries = measure(directory)
    assert (tar.sha256, tar.size) == (hashlib.sha256(data).hexdigest(), len(data))
    by_path = {entry.path: entry for entry in entries}
    assert by_path["a/x"].digest == hashlib.sha256(bytes(512)).hexdigest()
    assert by_path["program"].executable
    assert by_path["empty"].kind == "dir"
    assert "a" not in by_path
    assert by_path["link"].target == "a/x"


def test_neither_times_nor_owners_mode_bits_change_the_digest(directory: Path) -> None:
    before = measure(directory)
    os.utime(directory / "a" / "x", (1, 1))
    (directory / "a" / "x").chmod(0o600)
    (directory / "program").chmod(0o700)
    assert measure(directory) == before


def test_content_names_targets_and_the_executable_bit_do_change_it(directory: Path) -> None:
    digests = {measure(directory)[0].sha256}
    (directory / "a" / "x").write_bytes(b"y" * 512)
    digests.add(measure(directory)[0].sha256)
    (directory / "a" / "x").chmod(0o755)
    digests.add(measure(directory)[0].sha256)
    (directory / "a" / "x").rename(directory / "a" / "z")
    digests.add(measure(directory)[0].sha256)
    (directory / "link").unlink()
    (directory / "link").symlink_to("a/z")
    digests.add(measure(directory)[0].sha256)
    assert len(digests) == 5


def test_a_pipe_cannot_be_in_a_layer(directory: Path) -> None:
    os.mkfifo(directory / "pipe")
    with pytest.raises(VerificationError, match="/pipe"):
        measure(directory)


def test_a_file_beyond_the_reach_of_ustar_has_its_size_in_a_pax_header() -> None:
    blocks = header(b"huge", b"0", 0o644, 10 << 30, b"")
    assert b" size=10737418240\n" in blocks
    assert len(blocks) == 3 * 512
