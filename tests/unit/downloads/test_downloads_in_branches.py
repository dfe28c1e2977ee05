"""What a branch needs is read from git, and a branch can hold the downloads themselves."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.branches import branch_locks, worktree_locks
from pipeline.downloads.directory import Directory
from pipeline.downloads.place import Place
from pipeline.errors import LockError, NetworkError, UsageError
from pipeline.lock.file import FILE, dump
from pipeline.lock.types import Lock

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("-c", "user.name=Somebody", "-c", "user.email=somebody@mail.example")


def git(root: Path, *words: str) -> str:
    command = ["git", *WHO, "-C", str(root), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


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
    commit(root, "main", "project/pipeline.yaml", "version: 1")
    commit(root, "main", f"fixtures/{FILE}", "damaged, and of no project")
    commit(root, "main", f"project/{FILE}", dump(Lock(epoch=1)))
    git(root, "tag", "-a", "-m", "one", "v1")
    commit(root, "release/2", f"project/{FILE}", dump(Lock(epoch=2)))
    git(root, "update-ref", "refs/remotes/origin/release/3", "main")
    git(root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/3")
    commit(root, "feature", f"project/{FILE}", "damaged")
    git(root, "checkout", "-q", "main")
    return root / "project"


def epochs(root: Path, *globs: str) -> dict[str, list[int]]:
    found = branch_locks(root, globs)
    return {ref: [lock.epoch for lock in locks] for ref, locks in found.items()}


def test_the_locks_of_branches_here_and_on_remotes_are_found(repository: Path) -> None:
    assert epochs(repository, "main", "release/*", "docs") == {
        "refs/heads/main": [1],
        "refs/heads/release/2": [2],
        "refs/remotes/origin/release/3": [1],
    }


def test_every_project_of_a_repository_counts(repository: Path) -> None:
    commit(repository.parent, "main", "other/pipeline.yaml", "version: 1")
    commit(repository.parent, "main", f"other/{FILE}", dump(Lock(epoch=9)))
    assert epochs(repository, "main") == {"refs/heads/main": [9, 1]}


def test_tags_count_where_they_are_asked_for(repository: Path) -> None:
    assert epochs(repository, "tags/v*") == {"refs/tags/v1": [1]}
    git(repository, "branch", "-D", "feature")
    assert "refs/tags/v1" not in epochs(repository, "*")


def test_what_is_checked_out_anywhere_counts_committed_or_not(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "release/2")
    assert sorted(lock.epoch for lock in worktree_locks(repository)) == [1, 1, 2, 2]
    (tmp_path / "linked" / "project" / FILE).write_text(dump(Lock(epoch=3)))
    assert sorted(lock.epoch for lock in worktree_locks(repository)) == [1, 1, 2, 3]


def test_a_lock_that_cannot_be_read_is_no_reason_to_remove_anything(repository: Path) -> None:
    with pytest.raises(LockError, match="feature"):
        branch_locks(repository, ["*"])


def test_a_glob_without_a_branch_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="no branch is called `mian`"):
        branch_locks(repository, ["mian"])
    assert branch_locks(repository, ["mian", "main"])
    with pytest.raises(UsageError, match="no branch is called `mian`"):
        branch_locks(repository, ["mian", "main"], each=True)


@pytest.mark.parametrize("how", ["--depth=1", "--single-branch"])
def test_a_clone_of_some_branches_does_not_guess_which_there_are(
    how: str, repository: Path, tmp_path: Path
) -> None:
    origin = repository.parent.as_uri()
    git(tmp_path, "clone", "-q", how, "-b", "main", origin, str(tmp_path / "clone"))
    clone = tmp_path / "clone" / "project"
    with pytest.raises(UsageError, match="shallow, or of some branches only"):
        branch_locks(clone, ["main", "release/*"])
    assert epochs(clone, "main") == {"refs/heads/main": [1], "refs/remotes/origin/main": [1]}
    git(clone, "remote", "set-branches", "origin", "*")
    git(clone, "fetch", "-q", *(["--unshallow"] if how == "--depth=1" else []))
    assert "refs/remotes/origin/release/2" in epochs(clone, "main", "release/*")


def test_a_submodule_that_is_not_checked_out_is_told_and_never_written_to(tmp_path: Path) -> None:
    for name in ("kept", "project"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "main")
        commit(tmp_path / name, "main", "a-1.tar.gz", "a")
    # By hand: `git submodule` is a script of the shell, and needs programs that an image may lack.
    head = git(tmp_path / "kept", "rev-parse", "HEAD")
    declared = f'[submodule "kept"]\n\tpath = kept\n\turl = {tmp_path}/kept\n'
    (tmp_path / "project" / ".gitmodules").write_text(declared)
    git(tmp_path / "project", "add", ".gitmodules")
    git(tmp_path / "project", "update-index", "--add", "--cacheinfo", f"160000,{head},kept")
    git(tmp_path / "project", "commit", "-q", "-m", "submodule")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(tmp_path / "project"), str(clone))
    place = Place.of("kept", "", root=clone, clones=tmp_path / "c")
    assert place is not None
    for act in (place.readable, place.writable):
        with pytest.raises(UsageError, match="submodule that is not checked out"):
            act()
    git(clone, "clone", "-q", str(tmp_path / "kept"), "kept")
    assert place.writable().names() == ("a-1.tar.gz",)
    assert not place.absence()


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
