from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError, VerificationError
from pipeline.store.store import Result

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store
    from pipeline.store.trees import Tree

KEY = "ab" * 32


def stored(store: Store, directory: Path) -> tuple[Result, Tree]:
    """Store a tree of two files and a result that names it."""
    directory.mkdir()
    (directory / "one").write_text("one")
    (directory / "two").write_text("two")
    tree = store.add_tree(directory)
    result = Result(tree=tree.digest, seconds=1.5, engine="sandbox", label="wheel", made=1e9)
    store.put_result(KEY, result)
    return result, tree


def test_a_result_comes_back_and_can_be_replaced(store: Store, tmp_path: Path) -> None:
    assert store.get_result(KEY) is None
    result, _ = stored(store, tmp_path / "out")
    assert store.get_result(KEY) == result
    other = replace(result, seconds=2.0, findings=(("warning", "rule", "words"),))
    store.put_result(KEY, other)
    assert store.get_result(KEY) == other


def test_a_result_whose_tree_or_file_is_gone_or_short_is_no_result(
    store: Store, tmp_path: Path
) -> None:
    result, tree = stored(store, tmp_path / "out")
    for number, digest in enumerate((result.tree, *(entry.digest for entry in tree.entries))):
        store.blob_path(digest).unlink()
        assert store.get_result(KEY) is None
        store.add_tree(tmp_path / "out")
        assert store.get_result(KEY) == result, number
    path = store.blob_path(tree.entries[0].digest)
    path.chmod(0o644)
    os.truncate(path, 1)
    assert store.get_result(KEY) is None


def test_every_flipped_bit_of_a_row_makes_it_no_result(store: Store, tmp_path: Path) -> None:
    stored(store, tmp_path / "out")
    path = store.results.path(KEY)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert store.get_result(KEY) is None
    path.write_bytes(data[:-1])
    assert store.get_result(KEY) is None


def test_a_row_under_the_name_of_another_key_is_no_result(store: Store, tmp_path: Path) -> None:
    stored(store, tmp_path / "out")
    other = "ac" + KEY[2:]
    (store.results.root / "ac").mkdir()
    store.results.path(KEY).rename(store.results.path(other))
    assert store.get_result(other) is None


def test_a_result_without_a_stored_tree_is_refused(store: Store) -> None:
    result = Result(tree="0" * 64, seconds=0.0, engine="", label="", made=0.0)
    with pytest.raises(StoreError):
        store.put_result(KEY, result)
    assert store.get_result(KEY) is None


def test_a_key_that_is_none_cannot_lead_out_of_the_store(store: Store) -> None:
    with pytest.raises(VerificationError):
        store.get_result("../../x")
