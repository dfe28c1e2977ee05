"""A bundle has one form, and one that was changed in any way leaves nothing."""

from __future__ import annotations

import fcntl
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.bundle import Bundle, Index, Row, require, write
from pipeline.errors import VerificationError
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {
    "downloads/a-1-py3-none-any.whl": b"a wheel" * 100,
    f"downloads/pool/main/p/{'p' * 90}.deb": b"",
    "pipeline.lock": b"{}",
    "tool/tool-1-py3-none-any.whl": b"of the tool",
}
TOOL = frozenset({hashlib.sha256(b"of the tool").hexdigest()})


def row(name: str, data: bytes) -> Row:
    return Row(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


ROWS = [row(name, data) for name, data in FILES.items()]
EXPECTED = ROWS[:3]


@pytest.fixture
def bundle(tmp_path: Path, store: Store) -> Path:
    for data in FILES.values():
        store.add_blob(data)
    path = tmp_path / "all.bundle"
    write(path, Index(platforms=("linux_x86_64",), rows=tuple(ROWS)), store)
    return path


def taken(path: Path, place: Path) -> set[str]:
    """Take a bundle into an empty store as the command does; return what is in the store then."""
    with Store.open(place / "other") as store:
        try:
            with path.open("rb") as stream:
                opened = Bundle(stream, path.name)
                require(opened.index, EXPECTED, TOOL, path.name)
                opened.check()
                opened.store(store, EXPECTED)
        except VerificationError:
            assert list(store.blobs.all()) == []
            raise
        return {path.name for path in store.blobs.all()}


def test_the_same_files_give_the_same_bytes_and_tar_reads_them(
    bundle: Path, tmp_path: Path, store: Store
) -> None:
    again = tmp_path / "again"
    index = Index(platforms=("linux_x86_64",), rows=tuple(ROWS))
    assert write(again, index, store) == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert again.read_bytes() == bundle.read_bytes()
    with tarfile.open(bundle, "r:") as archive:
        assert archive.getnames() == ["bundle.json", *FILES]
        for name, data in FILES.items():
            member = archive.extractfile(name)
            assert member is not None
            assert member.read() == data


def test_what_goes_in_comes_out(bundle: Path, tmp_path: Path) -> None:
    assert taken(bundle, tmp_path) == {one.sha256 for one in EXPECTED}


def test_one_changed_byte_anywhere_is_refused(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    for position in range(0, len(data), 61):
        changed = bytearray(data)
        changed[position] ^= 1
        bundle.write_bytes(changed)
        with pytest.raises(VerificationError):
            taken(bundle, tmp_path)


def test_one_cut_short_anywhere_is_refused(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    for length in range(0, len(data), 127):
        bundle.write_bytes(data[:length])
        with pytest.raises(VerificationError):
            taken(bundle, tmp_path)


def test_bytes_after_the_end_are_refused(bundle: Path, tmp_path: Path) -> None:
    bundle.write_bytes(bundle.read_bytes() + bytes(512))
    with pytest.raises(VerificationError, match="after its end"):
        taken(bundle, tmp_path)


def added(name: str, data: bytes = b"evil") -> Callable[[list[Row]], list[Row]]:
    return lambda rows: sorted([*rows, row(name, data)])


@pytest.mark.parametrize(
    "change",
    [
        added("downloads/b-1-py3-none-any.whl"),
        added("../outside"),
        added("/etc/passwd"),
        added("tool/../../outside.whl", b"of the tool"),
        added("tool/other-1-py3-none-any.whl"),
        lambda rows: rows[1:],
        lambda rows: rows[::-1],
        lambda rows: sorted([*rows, rows[0]]),
        lambda rows: [row(rows[0].name, b"evil"), *rows[1:]],
    ],
)
def test_one_whose_index_agrees_with_wrong_content_is_refused_all_the_same(
    change: Callable[[list[Row]], list[Row]], tmp_path: Path, store: Store, bundle: Path
) -> None:
    store.add_blob(b"evil")
    write(bundle, Index(platforms=("linux_x86_64",), rows=tuple(change(ROWS))), store)
    with pytest.raises(VerificationError, match="does not hold exactly"):
        taken(bundle, tmp_path)


def test_a_link_in_place_of_a_file_is_refused(bundle: Path, tmp_path: Path) -> None:
    with tarfile.open(bundle, "r:") as archive:
        members = [(m, archive.extractfile(m)) for m in archive.getmembers()]
        with tarfile.open(tmp_path / "linked", "w:") as linked:
            for member, content in members:
                if member.name == "pipeline.lock":
                    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
                linked.addfile(member, content or io.BytesIO())
    with pytest.raises(VerificationError):
        taken(tmp_path / "linked", tmp_path)


def test_wheels_of_the_tool_may_be_absent(bundle: Path, tmp_path: Path, store: Store) -> None:
    write(bundle, Index(platforms=("linux_x86_64",), rows=tuple(EXPECTED)), store)
    assert taken(bundle, tmp_path) == {one.sha256 for one in EXPECTED}


def test_a_size_that_the_lock_has_wrong_leaves_no_file(tmp_path: Path, store: Store) -> None:
    digest = store.add_blob(b"four")
    wrong = Row(name="downloads/x.whl", sha256=digest, size=5)
    with pytest.raises(VerificationError, match="4 bytes where the lock says 5"):
        write(tmp_path / "x.bundle", Index(platforms=(), rows=(wrong,)), store)
    assert not (tmp_path / "x.bundle").exists()
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_run_was_writing_is_removed_and_what_another_writes_is_not(
    bundle: Path, store: Store
) -> None:
    dead, alive = (bundle.with_name(f".{bundle.name}.{sign * 12}.tmp") for sign in "0a")
    other = bundle.with_name(f".other.{'0' * 12}.tmp")
    for path in (dead, other):
        path.touch()
    with alive.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        write(bundle, Index(platforms=(), rows=()), store)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()


def test_how_far_it_is_ends_at_all_of_it(bundle: Path, tmp_path: Path, store: Store) -> None:
    index = Index(platforms=("linux_x86_64",), rows=tuple(ROWS))
    written: list[int] = []
    write(bundle, index, store, written.append)
    checked: list[int] = []
    stored: list[int] = []
    with bundle.open("rb") as stream, Store.open(tmp_path / "other") as other:
        opened = Bundle(stream, bundle.name)
        opened.check(checked.append)
        opened.store(other, EXPECTED, stored.append)
    for told in (written, checked, stored):
        assert told == sorted(told)
        assert told[-1] == index.size
