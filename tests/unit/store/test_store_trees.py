from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.store.store import Store

EPOCH = 1_000_000_000


def sample(directory: Path) -> Path:
    """Make a directory with one of each: a script, a large file, links, an empty directory."""
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "text").write_text("text")
    (directory / "a" / "run").write_text("#!/bin/sh\n")
    (directory / "a" / "run").chmod(0o700)
    (directory / "large").write_bytes(bytes(range(256)) * (CHUNK // 128))
    (directory / "again").write_text("text")
    (directory / "empty" / "nested").mkdir(parents=True)
    (directory / "link").symlink_to("a/run")
    (directory / "dangling").symlink_to("/nowhere")
    return directory


def below(directory: Path) -> list[tuple[str, int, int, bytes]]:
    """Return path, mode, whole seconds of mtime and bytes or target of everything, sorted."""
    found = []
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        data = b""
        if path.is_symlink():
            data = os.fsencode(path.readlink())
        elif path.is_file():
            data = path.read_bytes()
        name = path.relative_to(directory).as_posix()
        found.append((name, status.st_mode, int(status.st_mtime), data))
    return found


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_directory_comes_back_with_plain_modes_and_one_time(
    store: Store, tmp_path: Path, umask: int
) -> None:
    tree = store.add_tree(sample(tmp_path / "source"))
    before = os.umask(umask)
    try:
        store.materialise(store.load_tree(tree.digest), tmp_path / "copy", epoch=EPOCH)
    finally:
        os.umask(before)
    found = below(tmp_path / "copy")
    assert [(name, data) for name, _, _, data in found] == [
        (name, data) for name, _, _, data in below(tmp_path / "source")
    ]
    modes = {name: stat.S_IMODE(mode) for name, mode, _, _ in found if not stat.S_ISLNK(mode)}
    assert {name for name, mode in modes.items() if mode == 0o644} == {"a/b/text", "again", "large"}
    assert {name for name, mode in modes.items() if mode == 0o755} == {
        "a", "a/b", "a/run", "empty", "empty/nested",
    }  # fmt: skip
    assert {time for _, _, time, _ in found} == {EPOCH}
    assert int((tmp_path / "copy").stat().st_mtime) == EPOCH


def test_the_same_files_give_the_same_tree_whatever_their_times_and_modes(
    store: Store, tmp_path: Path
) -> None:
    first = store.add_tree(sample(tmp_path / "one"))
    sample(tmp_path / "two")
    (tmp_path / "two" / "again").chmod(0o600)
    os.utime(tmp_path / "two" / "again", (1, 1))
    assert store.add_tree(tmp_path / "two") == first


def test_an_empty_directory_that_stands_may_be_filled(store: Store, tmp_path: Path) -> None:
    tree = store.add_tree(sample(tmp_path / "source"))
    (tmp_path / "copy").mkdir(mode=0o700)
    store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o755


def test_files_that_stand_are_never_written_over(store: Store, tmp_path: Path) -> None:
    tree = store.add_tree(sample(tmp_path / "source"))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("mine")
    with pytest.raises(StoreError):
        store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]


def test_what_is_written_is_nobodys_but_the_writers(store: Store, tmp_path: Path) -> None:
    tree = store.add_tree(sample(tmp_path / "source"))
    store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    for name in ("large", "again"):
        (tmp_path / "copy" / name).write_text("changed")
    store.materialise(tree, tmp_path / "second", epoch=EPOCH)
    assert (tmp_path / "second" / "again").read_text() == "text"


@pytest.mark.parametrize("name", ["large", "again"])
def test_a_flipped_byte_is_found_while_it_is_copied(
    store: Store, tmp_path: Path, name: str
) -> None:
    source = sample(tmp_path / "source")
    tree = store.add_tree(source)
    digest = next(entry.digest for entry in tree.entries if entry.path == name)
    path = store.blob_path(digest)
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(VerificationError, match=digest) as caught:
        store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    assert "run it again" in caught.value.hint
    assert not store.has_blob(digest)
    assert store.add_tree(source) == tree
    store.materialise(tree, tmp_path / "again", epoch=EPOCH)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def make_odd_name(path: Path) -> None:
    with open(os.fsencode(path) + b"\xff", "w", encoding="utf-8"):
        pass


def make_odd_target(path: Path) -> None:
    os.symlink(b"\xff", os.fsencode(path))


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_odd_name, make_odd_target])
def test_what_no_tree_can_hold_is_refused_by_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    sample(tmp_path / "source")
    monkeypatch.chdir(tmp_path / "source")  # the path of a socket has to be short
    make(type(tmp_path)("odd"))
    with pytest.raises(VerificationError, match=r"odd|xff") as caught:
        store.add_tree(tmp_path / "source")
    assert caught.value.hint
    assert list((store.root / "work").glob("*/*")) == []


def test_links_are_not_followed_when_a_tree_is_taken(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").symlink_to(tmp_path / "secret" / "key")
    (tmp_path / "source" / "directory").symlink_to(tmp_path / "secret")
    tree = store.add_tree(tmp_path / "source")
    assert [(entry.path, entry.kind) for entry in tree.entries] == [
        ("directory", "link"),
        ("file", "link"),
    ]


@pytest.mark.parametrize(
    "path", ["../out", "/out", "a/../../out", "a//b", "", ".", "a/./b", "a\0b", "a/"]
)
def test_a_tree_cannot_write_outside_its_directory(store: Store, tmp_path: Path, path: str) -> None:
    tree = Tree(entries=(Entry(path=path, digest=store.add_blob(b"x"), size=1),))
    with pytest.raises(VerificationError):
        store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "store"]
    assert list((tmp_path / "copy").iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_tree_cannot_write_through_its_own_entries(
    store: Store, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "victim").mkdir()
    digest = store.add_blob(b"x")
    parent = (
        Entry(path="a", kind="link", target=str(tmp_path / "victim"))
        if kind == "link"
        else Entry(path="a", digest=digest, size=1)
    )
    tree = Tree(entries=(parent, Entry(path="a/b", digest=digest, size=1)))
    with pytest.raises(VerificationError, match="`a`"):
        store.materialise(tree, tmp_path / "copy", epoch=EPOCH)
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_path_that_stands_twice_is_refused(store: Store, tmp_path: Path) -> None:
    entry = Entry(path="a", digest=store.add_blob(b"x"), size=1)
    with pytest.raises(VerificationError, match="twice"):
        store.materialise(Tree(entries=(entry, entry)), tmp_path / "copy", epoch=EPOCH)


def test_a_tree_without_its_blobs_is_not_stored(store: Store) -> None:
    tree = Tree(entries=(Entry(path="a", digest="0" * 64, size=1),))
    with pytest.raises(StoreError, match="`a`"):
        store.put_tree(tree)
    assert not store.has_blob(tree.digest)


def test_a_blob_that_is_no_tree_is_not_read_as_one(store: Store) -> None:
    for text in (b"not json", b"[1]", b"\xff"):
        digest = store.add_blob(text)
        with pytest.raises(VerificationError, match=digest):
            store.load_tree(digest)
