from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pipeline.store import cache
from pipeline.store.store import Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.store.store import Store
    from pipeline.store.trees import Tree

KEY = "ab" * 32
OLD = (1_000_000, 1_000_000)


def fill(directory: Path) -> None:
    (directory / "tool").write_text("tool")
    (directory / "other").symlink_to("tool")


def furnished(store: Store, directory: Path) -> Tree:
    """Put one of everything into a store: a result with its tree, a blob, a layer, a partial."""
    directory.mkdir()
    (directory / "x.whl").write_text("wheel")
    tree = store.add_tree(directory)
    store.put_result(
        KEY, Result(tree=tree.digest, seconds=1.0, engine="sandbox", label="wheel", made=1e9)
    )
    store.add_blob(b"package")
    store.derived("layer", KEY, fill)
    store.partial_path("0" * 64).write_bytes(b"par")
    return tree


def spoil(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    path.chmod(mode & 0o777)


def age(store: Store) -> None:
    """Make everything look as if it was last used long ago."""
    for folder in ("blobs", "results", "partial"):
        for path in (store.root / folder).rglob("*"):
            os.utime(path, OLD)
    for path in (store.root / "derived").glob("*/*.tree"):
        os.utime(path, OLD)


def test_the_listing_names_everything_once(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    items = cache.listing(store)
    assert [item.kind for item in items] == ["blob", "blob", "blob", "layer", "partial", "result"]
    assert [item.label for item in items if item.kind == "result"] == ["wheel"]
    assert [item.size for item in items if item.kind in {"layer", "partial"}] == [4, 3]
    assert all(abs(item.used - time.time()) < 3600 for item in items)


def test_a_sound_store_has_no_damage(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    assert cache.verify(store) == []
    assert store.get_result(KEY) is not None


def test_a_rotten_blob_is_removed_and_so_is_the_result_that_needs_it(
    store: Store, tmp_path: Path
) -> None:
    tree = furnished(store, tmp_path / "out")
    path = store.blob_path(tree.entries[0].digest)
    spoil(path)
    assert [(found.kind, found.key, found.path) for found in cache.verify(store)] == [
        ("blob", path.name, path),
        ("result", KEY, store.results.path(KEY)),
    ]
    assert cache.verify(store) == []
    assert store.get_result(KEY) is None


def test_a_rotten_row_is_removed(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    spoil(store.results.path(KEY))
    assert [(found.kind, found.what) for found in cache.verify(store)] == [
        ("result", "its text is damaged")
    ]
    assert not store.results.path(KEY).exists()


def test_any_change_of_a_derived_directory_is_found_and_it_is_made_again(
    store: Store, tmp_path: Path
) -> None:
    furnished(store, tmp_path / "out")
    path = store.directories.path("layer", KEY)
    changes: dict[str, Callable[[], object]] = {
        "tool": lambda: spoil(path / "tool"),
        "more": (path / "more").touch,
        "other": (path / "other").unlink,
        "": lambda: (path / "tool").chmod(0o755),
        "socket": lambda: os.mkfifo(path / "socket"),
        "record": lambda: spoil(store.directories.record(path)),
    }
    for name, change in changes.items():
        change()
        found = cache.verify(store)
        assert [(damage.kind, damage.key) for damage in found] == [("layer", KEY)], name
        assert name in found[0].what
        assert not path.exists()
        store.derived("layer", KEY, fill)
    assert cache.verify(store) == []


def test_bytecode_is_no_damage_where_people_run_python(store: Store) -> None:
    for kind, expected in (("environment", 0), ("layer", 1)):
        path = store.derived(kind, KEY, fill)
        (path / "__pycache__").mkdir()
        (path / "__pycache__" / "tool.cpython-311.pyc").touch()
        assert len(cache.verify(store)) == expected
    (store.directories.path("environment", KEY) / "tool.pyc").touch()
    assert len(cache.verify(store)) == 1


def test_only_what_was_not_used_lately_is_pruned(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    recent = time.time() - 3600
    assert cache.prune(store, keep=frozenset(), older_than=recent).items == ()
    age(store)
    pruned = cache.prune(store, keep=frozenset(), older_than=recent)
    assert len(pruned.items) == 6
    assert pruned.size == sum(item.size for item in pruned.items) > 0
    assert cache.listing(store) == []
    assert list((store.root / "derived" / "layer").iterdir()) == []


def test_a_result_that_stays_keeps_what_it_needs(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    age(store)
    os.utime(store.results.path(KEY))
    pruned = cache.prune(store, keep=frozenset(), older_than=time.time() - 3600)
    assert [item.kind for item in pruned.items] == ["blob", "layer", "partial"]
    assert store.get_result(KEY) is not None
    assert cache.verify(store) == []


def test_what_is_to_be_kept_is_kept_however_old(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    package = store.add_blob(b"package")
    age(store)
    cache.prune(store, keep=frozenset({KEY, package}), older_than=time.time())
    assert store.get_result(KEY) is not None
    assert store.directories.path("layer", KEY).is_dir()
    assert store.read_blob(package) == b"package"


def test_pruning_removes_records_and_locks_that_killed_runs_left(store: Store) -> None:
    path = store.derived("layer", KEY, fill)
    (path / "tool").unlink()
    (path / "other").unlink()
    path.rmdir()
    (store.root / "locks" / "layer-x").touch()
    cache.prune(store, keep=frozenset(), older_than=0.0)
    assert list((store.root / "derived" / "layer").iterdir()) == []
    assert list((store.root / "locks").iterdir()) == []


def test_a_store_can_be_used_after_it_was_pruned(store: Store, tmp_path: Path) -> None:
    furnished(store, tmp_path / "out")
    age(store)
    cache.prune(store, keep=frozenset(), older_than=time.time() - 3600)
    furnished(store, tmp_path / "out2")
    assert store.get_result(KEY) is not None
