from __future__ import annotations

import errno
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError
from pipeline.store import cache
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


KEY = "cd" * 32


def fill(directory: Path) -> None:
    (directory / "bin").mkdir()
    (directory / "bin" / "tool").write_text("tool")


def never(directory: Path) -> None:
    raise AssertionError(directory)


def test_a_directory_is_made_once_and_then_found(store: Store) -> None:
    before = os.umask(0o077)
    try:
        path = store.derived("layer", KEY, fill)
    finally:
        os.umask(before)
    assert path == store.root / "derived" / "layer" / KEY
    assert (path / "bin" / "tool").read_text() == "tool"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert store.derived("layer", KEY, never) == path
    with Store.open(store.root) as other:
        assert other.derived("layer", KEY, never) == path


def test_a_maker_that_fails_leaves_nothing_and_its_error_is_passed_on(store: Store) -> None:
    def fail(directory: Path) -> None:
        fill(directory)
        (directory / "bin").chmod(0o500)
        raise FileNotFoundError(errno.ENOENT, "no such thing", "thing")

    with pytest.raises(FileNotFoundError, match="thing"):
        store.derived("layer", KEY, fail)
    assert list((store.root / "work").glob("*/*")) == []
    assert list((store.root / "locks").iterdir()) == []
    store.derived("layer", KEY, fill)


def test_a_maker_that_fills_the_disk_is_told_what_to_do(store: Store) -> None:
    def fail(directory: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))

    with pytest.raises(StoreError) as caught:
        store.derived("layer", KEY, fail)
    assert "pipeline cache prune" in caught.value.hint


def test_threads_that_want_the_same_directory_wait_for_the_first(store: Store) -> None:
    made: list[Path] = []
    found: list[Path] = []
    started = threading.Barrier(4)

    def slowly(directory: Path) -> None:
        made.append(directory)
        fill(directory)
        threading.Event().wait(0.05)

    def want() -> None:
        started.wait()
        found.append(store.derived("layer", KEY, slowly))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == [store.root / "derived" / "layer" / KEY] * 4


def test_a_directory_that_nothing_vouches_for_is_made_again(store: Store) -> None:
    path = store.derived("layer", KEY, fill)
    (path / "bin" / "tool").write_text("changed")
    store.directories.record(path).unlink()
    store.derived("layer", KEY, fill)
    assert (path / "bin" / "tool").read_text() == "tool"


def test_a_record_without_its_directory_vouches_for_nothing(store: Store) -> None:
    path = store.derived("layer", KEY, fill)
    path.rename(store.root / "elsewhere")
    store.derived("layer", KEY, fill)
    assert (path / "bin" / "tool").read_text() == "tool"


def test_a_read_only_directory_can_be_made_checked_and_removed(store: Store) -> None:
    def make(directory: Path) -> None:
        fill(directory)
        (directory / "bin").chmod(0o555)
        directory.chmod(0o555)

    path = store.derived("layer", KEY, make)
    assert cache.verify(store) == []
    store.directories.discard(path)
    assert list((store.root / "derived" / "layer").iterdir()) == []
    assert list((store.root / "work").glob("*/*")) == []


def test_a_maker_that_knows_its_tree_is_not_read_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    fill(tmp_path / "source")
    tree = store.add_tree(tmp_path / "source")

    def make(directory: Path) -> bytes:
        store.materialise(tree, directory, epoch=0)
        (directory / "bin" / "tool").chmod(0)  # reading it would show
        return tree.encoded

    path = store.derived("source", tree.digest, make)
    assert store.directories.record(path).read_bytes() == tree.encoded


def test_the_times_a_maker_sets_stay(store: Store) -> None:
    def make(directory: Path) -> None:
        fill(directory)
        os.utime(directory, (5, 5))

    assert int(store.derived("layer", KEY, make).stat().st_mtime) == 5


@pytest.mark.parametrize(("kind", "key"), [("../x", KEY), ("layer", "../x"), ("layer", "a.tree")])
def test_an_odd_name_is_a_fault_of_ours(store: Store, kind: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"x|tree"):
        store.derived(kind, key, fill)
