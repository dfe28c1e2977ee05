"""What is left when the power goes: what the disk had by then, not what the kernel remembered.

A file system in a file on a loop device is used and, without being unmounted or synced, its file
is copied. The copy is the disk as a power cut would have left it, and is mounted as it would be at
the next start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pipeline.store import cache
from pipeline.store.durable import MANY
from pipeline.store.store import Result, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.store.trees import Tree

KEY = "ab" * 32


def command(*words: str | Path) -> bool:
    """Run a program quietly and return whether it succeeded."""
    try:
        return not subprocess.run(words, check=False, capture_output=True).returncode
    except FileNotFoundError:
        return False


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """Mount a file system image during the body."""
    place.mkdir()
    if not command("mount", "-o", "loop", image, place):
        pytest.skip("file systems in files cannot be mounted here")
    try:
        yield place
    finally:
        command("umount", place)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Give an image of an empty ext4 of 64 MiB."""
    if os.geteuid():
        pytest.skip("only root can mount a file system")
    path = tmp_path / "image"
    with open(path, "wb") as stream:
        stream.truncate(64 << 20)
    if not command("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", path):
        pytest.skip("`mkfs.ext4` is not here")
    return path


@contextmanager
def after_power_cut(image: Path, place: Path) -> Iterator[Store]:
    """Give the store as the next start finds it, if the power went now."""
    copy = shutil.copyfile(image, place.with_name(f"{place.name}.image"))
    with mounted(copy, place), Store.open(place / "store") as store:
        yield store


def files(directory: Path, count: int) -> Path:
    directory.mkdir()
    for number in range(count):
        (directory / f"file{number}").write_bytes(os.urandom(5000))
    return directory


def put(store: Store, tree: Tree) -> Result:
    result = Result(tree=tree.digest, seconds=1.0, engine="", label="", made=0.0)
    store.put_result(KEY, result)
    return result


@pytest.mark.parametrize("count", [1, MANY + 1])
def test_a_result_that_was_put_outlives_a_power_cut(
    image: Path, tmp_path: Path, count: int
) -> None:
    source = files(tmp_path / "source", count)
    with mounted(image, tmp_path / "disk") as disk, Store.open(disk / "store") as store:
        tree = store.add_tree(source)
        result = put(store, tree)
        with after_power_cut(image, tmp_path / "later") as later:
            assert later.get_result(KEY) == result
            assert later.load_tree(result.tree) == tree
            assert cache.verify(later) == []


def test_a_blob_that_was_written_outlives_a_power_cut(image: Path, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    with mounted(image, tmp_path / "disk") as disk, Store.open(disk / "store") as store:
        digest = store.add_blob(data)
        with after_power_cut(image, tmp_path / "later") as later:
            assert later.read_blob(digest) == data


def test_a_derived_directory_outlives_a_power_cut_whole(image: Path, tmp_path: Path) -> None:
    source = files(tmp_path / "source", 50)

    def make(directory: Path) -> None:
        shutil.copytree(source, directory, dirs_exist_ok=True)

    def never(directory: Path) -> None:
        raise AssertionError(directory)

    with mounted(image, tmp_path / "disk") as disk, Store.open(disk / "store") as store:
        store.derived("layer", KEY, make)
        with after_power_cut(image, tmp_path / "later") as later:
            later.derived("layer", KEY, never)
            assert cache.verify(later) == []


def test_what_was_not_finished_is_gone_after_a_power_cut(image: Path, tmp_path: Path) -> None:
    with mounted(image, tmp_path / "disk") as disk, Store.open(disk / "store") as store:
        with store.scratch("build") as path:
            files(path / "files", 10)
            store.add_blob(b"x")  # its sync brings the scratch directory's names to the disk too
            with after_power_cut(image, tmp_path / "later") as later:
                assert list((later.root / "work").iterdir()) == []
        assert cache.verify(store) == []
