from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError
from pipeline.store import cache
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_store_is_private_and_says_that_it_is_a_cache(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "store"
    Store.open(root).close()
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    tag = (root / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_a_store_of_another_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    (tmp_path / "format").write_text("pipeline store 99\n")
    with pytest.raises(StoreError, match="pipeline store 99") as caught:
        Store.open(tmp_path)
    assert "PIPELINE_CACHE_DIR" in caught.value.hint
    assert (tmp_path / "format").read_text() == "pipeline store 99\n"


def test_a_file_in_the_place_of_the_store_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "store")


def test_folders_that_someone_removed_are_made_again(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    (tmp_path / "blobs").rmdir()
    (tmp_path / "work").rmdir()
    with Store.open(tmp_path) as store:
        assert store.has_blob(store.add_blob(b"x"))


def test_a_closed_store_no_longer_keeps_prune_away(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        other = Store.open(tmp_path)
        with pytest.raises(StoreError, match="in use"):
            cache.prune(store, keep=frozenset(), older_than=0.0)
        other.close()
        other.close()
        assert cache.prune(store, keep=frozenset(), older_than=0.0).items == ()


def test_a_run_that_wrote_nothing_leaves_no_trace(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    before = sorted(tmp_path.rglob("*"))
    with Store.open(tmp_path) as store:
        assert not store.has_blob("0" * 64)
    assert sorted(tmp_path.rglob("*")) == before
