from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError
from pipeline.store import cache
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
KEY = "ab" * 32


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 4 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


def big_directory(path: Path) -> Path:
    path.mkdir()
    for number in range(8):
        (path / f"file{number}").write_bytes(os.urandom(1 << 20))
    return path


def too_much(directory: Path) -> None:
    with open(directory / "file", "wb") as stream:
        stream.writelines([bytes(1 << 20)] * 64)


def write_blob(store: Store, _: Path) -> None:
    with store.new_blob() as writer:
        for piece in [bytes(1 << 20)] * 64:
            writer.write(piece)


def write_tree(store: Store, source: Path) -> None:
    store.add_tree(source)


def write_derived(store: Store, _: Path) -> None:
    store.derived("layer", KEY, too_much)


def write_file(store: Store, source: Path) -> None:
    for path in sorted(source.iterdir()):
        store.add_blob_file(path)


@needs_root
@pytest.mark.parametrize("use", [write_blob, write_tree, write_derived, write_file])
def test_a_full_disk_is_a_clear_error_and_does_no_harm(
    disk: Path, tmp_path: Path, use: Callable[[Store, Path], None]
) -> None:
    source = big_directory(tmp_path / "source")
    with Store.open(disk / "store") as store:
        kept = store.add_blob(b"kept")
        with pytest.raises(StoreError, match="No space left") as caught:
            use(store, source)
        assert "pipeline cache prune" in caught.value.hint
        assert list((store.root / "work").glob("*/*")) == []
        assert cache.verify(store) == []
        assert store.read_blob(kept) == b"kept"
        cache.prune(store, keep=frozenset(), older_than=float("inf"))
        store.add_blob(os.urandom(1 << 20))


@needs_root
def test_a_disk_without_room_for_a_new_store_is_a_clear_error(disk: Path) -> None:
    with suppress(OSError):
        too_much(disk)
    with pytest.raises(StoreError, match="No space left") as caught:
        Store.open(disk / "store")
    assert "PIPELINE_CACHE_DIR" in caught.value.hint
    (disk / "file").unlink()
    Store.open(disk / "store").close()


@needs_root
def test_a_read_only_store_is_a_clear_error(disk: Path) -> None:
    Store.open(disk / "store").close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for path in (disk / "store", disk / "new"):
        with pytest.raises(StoreError, match="Read-only") as caught:
            Store.open(path)
        assert "PIPELINE_CACHE_DIR" in caught.value.hint


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_directory_of_someone_else_is_a_clear_error(tmp_path: Path, mode: int) -> None:
    (tmp_path / "home").mkdir(mode=mode)
    user = os.geteuid()
    if user == 0:
        tmp_path.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="Permission denied") as caught:
            Store.open(tmp_path / "home" / "store")
    finally:
        os.seteuid(user)
    assert "PIPELINE_CACHE_DIR" in caught.value.hint
