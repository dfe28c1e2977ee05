"""What a branch needs is read from git, and a branch can hold the downloads themselves."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.branches import branch_locks
from pipeline.downloads.directory import Directory
from pipeline.downloads.place import Place
from pipeline.errors import LockError, NetworkError, UsageError
from pipeline.lock.file import FILE, dump
from pipeline.lock.types import Lock

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("-c", "user.name=Somebody", "-c", "user.email=somebody@mail.example")


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *WHO, "-C", str(root), *words], check=True, capture_output=True)


def commit(root: Path, branch: str, name: str, text: str) -> None:
    git(root, "checkout", "-q", "-B", branch)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-q", "--allow-empty", "-m", "more")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, "docs", "README.md", "no lock here")
    commit(root, "main", f"project/{FILE}", dump(Lock(epoch=1)))
    commit(root, "release/2", f"project/{FILE}", dump(Lock(epoch=2)))
    git(root, "update-ref", "refs/remotes/origin/release/3", "main")
    git(root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/3")
    commit(root, "feature", f"project/{FILE}", "damaged")
    return root / "project"


def test_the_locks_of_branches_here_and_on_remotes_are_found(repository: Path) -> None:
    found = branch_locks(repository, ["main", "release/*", "docs"])
    assert {ref: lock.epoch for ref, lock in found.items()} == {
        "refs/heads/main": 1,
        "refs/heads/release/2": 2,
        "refs/remotes/origin/release/3": 1,
    }


def test_a_lock_that_cannot_be_read_is_no_reason_to_remove_anything(repository: Path) -> None:
    with pytest.raises(LockError, match="feature"):
        branch_locks(repository, ["*"])


def test_a_glob_without_a_branch_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="no branch is called `mian`"):
        branch_locks(repository, ["mian"])


def test_a_branch_is_followed_and_changes_to_the_copy_are_undone(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "downloads")
    commit(origin, "downloads", "a-1.tar.gz", "a")
    place = Place.of(f"git+{origin.as_uri()}#downloads", "", root=tmp_path, clones=tmp_path / "c")
    assert place is not None
    assert place.refresh()
    assert place.directory.names() == ("a-1.tar.gz",)
    assert not place.refresh()
    commit(origin, "downloads", "b-1.tar.gz", "b")
    (place.directory.path / "a-1.tar.gz").write_text("changed here")
    assert place.refresh()
    assert place.directory.names() == ("a-1.tar.gz", "b-1.tar.gz")
    assert (place.directory.path / "a-1.tar.gz").read_text() == "a"
    with pytest.raises(UsageError, match="only read"):
        place.writable()


def test_a_branch_that_is_gone_leaves_the_copy_and_hides_the_password(tmp_path: Path) -> None:
    text = "git+http://user:secret@127.0.0.1:9/x#downloads"
    place = Place.of(text, "", root=tmp_path, clones=tmp_path / "c")
    assert place is not None
    with pytest.raises(NetworkError) as caught:
        place.refresh()
    assert "secret" not in str((caught.value.message, caught.value.detail, repr(place)))


def test_a_directory_named_in_the_environment_goes_before_what_is_declared(tmp_path: Path) -> None:
    def place(declared: str, named: str) -> Place | None:
        return Place.of(declared, named, root=tmp_path, clones=tmp_path / "c")

    assert place("", "") is None
    assert place("kept", "") == Place(directory=Directory(tmp_path / "kept"))
    assert place("git+https://mirror.example/x#b", str(tmp_path)) == Place(
        directory=Directory(tmp_path)
    )
