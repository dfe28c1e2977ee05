"""Files of a download cache come and go whole, and are never changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.directory import SUMS, Directory, take
from pipeline.downloads.names import files_of, forks, unused
from pipeline.errors import StoreError, VerificationError
from pipeline.lock.types import DebianPackage, ImageBlob, PythonFile

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(kept: Directory, place: Path, name: str, data: bytes) -> bool:
    source = place / "new"
    source.write_bytes(data)
    return kept.put(name, source, digest(data))


def test_the_list_is_what_sha256sum_reads(kept: Directory, wheel: PythonFile) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", SUMS],
        cwd=kept.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout == f"{wheel.name}: OK\n"


def test_the_same_name_with_other_bytes_is_refused_and_nothing_changes(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in kept.path.iterdir()}
    with pytest.raises(VerificationError, match="never changes"):
        put(kept, tmp_path, wheel.name, b"other bytes\n")
    assert {path.name: path.read_bytes() for path in kept.path.iterdir()} == before


def test_a_name_that_was_listed_stays_taken_when_its_file_is_lost(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    (kept.path / wheel.name).unlink()
    with pytest.raises(VerificationError):
        put(kept, tmp_path, wheel.name, b"other bytes\n")


def test_a_file_that_was_listed_and_lost_comes_back(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    (kept.path / wheel.name).unlink()
    assert put(kept, tmp_path, wheel.name, b"not looked into\n")
    assert kept.damages([wheel]) == []


def test_the_same_bytes_again_are_no_failure(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    assert not put(kept, tmp_path, wheel.name, b"not looked into\n")


def test_a_source_that_is_not_what_was_said_leaves_nothing(kept: Directory, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"one")
    with pytest.raises(VerificationError):
        kept.put("a-1-py3-none-any.whl", source, digest(b"another"))
    assert list(kept.path.iterdir()) == []


def test_what_a_killed_run_left_without_a_line_is_told_and_takes_it_when_added_again(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    (kept.path / SUMS).unlink()
    assert [(d.name, "no line" in d.what) for d in kept.damages([])] == [(wheel.name, True)]
    put(kept, tmp_path, wheel.name, b"not looked into\n")
    assert kept.damages([]) == []


def test_what_a_killed_run_was_writing_is_removed_by_the_next(
    kept: Directory, wheel: PythonFile, tmp_path: Path
) -> None:
    left = [kept.path / f".{name}.{'0af' * 4}.tmp" for name in (SUMS, wheel.name)]
    mine = kept.path / ".notes.tmp"
    for path in (*left, mine):
        path.touch()
    put(kept, tmp_path, "pool/main/t/thing.deb", b"x")
    assert not any(path.exists() for path in left)
    assert mine.exists()


def test_two_branches_may_each_have_added_the_same_line(kept: Directory, wheel: PythonFile) -> None:
    text = (kept.path / SUMS).read_text()
    (kept.path / SUMS).write_text(text + text)
    assert kept.sums() == {wheel.name: wheel.sha256}


def test_every_way_a_file_can_be_wrong_is_told(kept: Directory, wheel: PythonFile) -> None:
    (kept.path / wheel.name).write_bytes(b"changed in place")
    (kept.path / "by-hand-1.tar.gz").write_bytes(b"")
    with (kept.path / SUMS).open("a") as stream:
        stream.write(f"{digest(b'')}  lost-1.tar.gz\n")
    assert {(damage.name, damage.what) for damage in kept.damages([wheel])} == {
        (wheel.name, f"its bytes are not those of `{SUMS}`"),
        (wheel.name, "the lock names other bytes"),
        ("by-hand-1.tar.gz", f"`{SUMS}` has no line for it"),
        ("lost-1.tar.gz", "it is missing"),
    }


@pytest.mark.parametrize("line", ["x", f"{'b' * 64}  same", f"{'A' * 64}  name"])
def test_a_list_that_cannot_be_read_is_refused_with_its_line(kept: Directory, line: str) -> None:
    kept.path.mkdir()
    (kept.path / SUMS).write_text(f"{'a' * 64}  same\n{line}\n")
    with pytest.raises(VerificationError) as caught:
        kept.sums()
    assert caught.value.where.endswith(f"{SUMS}:2")


def test_removing_takes_the_line_and_empty_folders_too(kept: Directory, tmp_path: Path) -> None:
    put(kept, tmp_path, "pool/main/a/a_1_all.deb", b"a")
    put(kept, tmp_path, "pool/main/b/b_1_all.deb", b"b")
    kept.remove(["pool/main/a/a_1_all.deb", "never-there"])
    assert kept.names() == ("pool/main/b/b_1_all.deb",)
    assert not (kept.path / "pool/main/a").exists()
    assert list(kept.sums()) == ["pool/main/b/b_1_all.deb"]


def test_many_at_once_lose_no_line(kept: Directory, tmp_path: Path) -> None:
    def add(number: int) -> None:
        place = tmp_path / str(number)
        place.mkdir()
        put(kept, place, f"a-{number}.tar.gz", b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(16)))
    assert len(kept.sums()) == 16
    assert kept.damages([]) == []


def test_a_locked_file_comes_from_the_cache_and_the_rest_is_returned(
    kept: Directory, wheel: PythonFile, store: Store, tmp_path: Path
) -> None:
    put(kept, tmp_path, "pool/main/a/a_1_all.deb", b"in the pool")
    put(kept, tmp_path, "b_1_all.deb", b"at the top")
    put(kept, tmp_path, f"blobs/sha256/{digest(b'layer')}", b"layer")
    debs = [
        DebianPackage(
            name=name,
            version="1",
            architecture="all",
            path=f"pool/main/{name}/{name}_1_all.deb",
            sha256=digest(data),
            size=len(data),
        )
        for name, data in (("a", b"in the pool"), ("b", b"at the top"), ("c", b"absent"))
    ]
    blob = ImageBlob(
        source="registry thing", sha256=digest(b"layer"), size=5, media_type="application/vnd.x"
    )
    assert take(kept, [wheel, *debs, blob], store) == (debs[2],)
    stored = (wheel.sha256, *(deb.sha256 for deb in debs[:2]), blob.sha256)
    assert all(store.has_blob(sha256) for sha256 in stored)


def test_a_file_with_other_bytes_than_locked_is_refused_and_not_stored(
    kept: Directory, wheel: PythonFile, store: Store
) -> None:
    locked = replace(wheel, sha256=digest(b"as it was locked"))
    with pytest.raises(VerificationError, match="not the file that the lock names"):
        take(kept, [locked], store)
    assert list(store.blobs.all()) == []


def test_hidden_files_links_and_other_names_are_no_artifacts(
    kept: Directory, wheel: PythonFile
) -> None:
    (kept.path / ".git").mkdir()
    (kept.path / ".git" / "b-1.tar.gz").touch()
    (kept.path / "README.md").touch()
    (kept.path / "folder").mkdir()
    (kept.path / "folder" / "c-1.tar.gz").touch()
    (kept.path / "d-1.tar.gz").symlink_to(wheel.name)
    assert kept.names() == (wheel.name,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_is_told(kept: Directory, tmp_path: Path) -> None:
    kept.path.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        put(kept, tmp_path, "a-1.tar.gz", b"")


def test_names_and_versions_are_compared_as_the_standards_say(
    kept: Directory, tmp_path: Path
) -> None:
    for name in ("My_Thing-1.0-py3-none-any.whl", "my_thing-1.0.tar.gz", "my_thing-2.tar.gz"):
        put(kept, tmp_path, name, name.encode())
    assert len(files_of(kept, "my-thing")) == 3
    assert len(files_of(kept, "my-thing", "1")) == 2
    assert files_of(kept, "thing") == ()


def test_the_highest_fork_with_a_wheel_is_preferred(kept: Directory, tmp_path: Path) -> None:
    for name in (
        *(
            "a-1.2+acme.9-py3-none-any.whl",
            "a-1.2+acme.10-py3-none-any.whl",
            "a-1.3-py3-none-any.whl",
        ),
        *("b-1.0+acme1.tar.gz", "c-1.0-py3-none-any.whl"),
    ):
        put(kept, tmp_path, name, name.encode())
    assert forks(kept) == {"a": "1.2+acme.10"}


def test_what_nothing_names_is_unused_but_a_fork_keeps_its_sdist(
    kept: Directory, tmp_path: Path
) -> None:
    named = {"a-1+acme1-py3-none-any.whl", "b-1-py3-none-any.whl"}
    for name in (*named, "a-1+acme1.tar.gz", "a-0+acme1.tar.gz", "b-1.tar.gz", "pool/c.deb"):
        put(kept, tmp_path, name, name.encode())
    assert unused(kept, named) == ["a-0+acme1.tar.gz", "b-1.tar.gz", "pool/c.deb"]


def test_there_need_be_no_directory_yet(tmp_path: Path) -> None:
    absent = Directory(tmp_path / "absent")
    assert absent.names() == ()
    assert absent.damages([]) == []
    assert forks(absent) == {}
