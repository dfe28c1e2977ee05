from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout import git, worktree
from pipeline.errors import ConfigError, PipelineError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Repository


def test_tracked_files_are_sorted_and_stay_below_what_was_asked(repository: Repository) -> None:
    repository.commit("b.py", "a/z.py", "a/b.py", "ab/x.py", "spaced name/ü\n.py")
    repository.write("a/new.py")
    assert git.tracked_files(repository.root, "a") == ("a/b.py", "a/z.py")
    everything = ("a/b.py", "a/z.py", "ab/x.py", "b.py", "spaced name/ü\n.py")
    assert git.tracked_files(repository.root) == everything
    assert git.tracked_files(repository.root, ".") == everything


def test_paths_are_relative_to_a_root_below_the_top_of_the_repository(
    repository: Repository,
) -> None:
    repository.commit("top.py", "packages/one/a.py")
    assert git.tracked_files(repository.root / "packages") == ("one/a.py",)


def test_a_wildcard_in_a_directory_name_is_taken_literally(repository: Repository) -> None:
    repository.commit("a/x.py", "*/y.py")
    assert git.tracked_files(repository.root, "*") == ("*/y.py",)


def test_staged_and_conflicting_files_are_listed_once(repository: Repository) -> None:
    repository.commit("f")
    repository.git("checkout", "-q", "-b", "other")
    repository.write("f", "theirs")
    repository.git("commit", "-q", "-am", "theirs")
    repository.git("checkout", "-q", "main")
    repository.write("f", "ours")
    repository.git("commit", "-q", "-am", "ours")
    with pytest.raises(Exception, match="status 1"):
        repository.git("merge", "-q", "other")
    repository.write("staged")
    repository.git("add", "staged")
    assert git.tracked_files(repository.root) == ("f", "staged")


def test_deleted_files_submodules_and_replaced_directories_are_left_out(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("gone", "kept", "real/inner.py", "file")
    head = git.head(repository.root)
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    (repository.root / "gone").unlink()
    (repository.root / "file").unlink()
    (repository.root / "file").mkdir()
    (repository.root / "real").rename(tmp_path / "elsewhere")
    (repository.root / "real").symlink_to(tmp_path / "elsewhere")
    assert git.tracked_files(repository.root) == ("kept",)


def test_links_are_files_even_when_they_dangle(repository: Repository) -> None:
    (repository.root / "link").symlink_to("nowhere")
    repository.commit()
    assert git.tracked_files(repository.root) == ("link",)


def test_a_name_that_is_not_utf8_is_refused_by_name(repository: Repository) -> None:
    (repository.root / os.fsdecode(b"caf\xe9")).touch()
    with pytest.raises(ConfigError, match="not UTF-8"):
        worktree.unignored_files(repository.root)
    repository.commit()
    with pytest.raises(ConfigError, match="not UTF-8"):
        git.tracked_files(repository.root)


def test_untracked_files_are_those_that_are_not_ignored(repository: Repository) -> None:
    repository.write(".gitignore", "*.log\n")
    repository.commit("tracked.py")
    repository.write("new.py")
    repository.write("x.log")
    assert git.untracked_files(repository.root) == ("new.py",)


def test_status_names_every_change_and_nothing_on_a_clean_tree(repository: Repository) -> None:
    repository.commit("a", "b")
    assert git.status(repository.root) == ()
    repository.write("a", "changed")
    (repository.root / "b").unlink()
    repository.write("new dir/file")
    assert [str(change) for change in git.status(repository.root)] == [
        " M a",
        " D b",
        "?? new dir/file",
    ]


def test_asking_for_the_status_does_not_write_the_index(repository: Repository) -> None:
    repository.commit("a")
    os.utime(repository.root / "a", (1, 1))
    index = worktree.git_index_path(repository.root)
    assert index is not None
    before = index.read_bytes()
    git.status(repository.root)
    assert index.read_bytes() == before


def test_head_and_branch_are_empty_where_there_is_none(repository: Repository) -> None:
    assert git.head(repository.root) == ""
    assert git.branch(repository.root) == "main"
    repository.commit("a")
    assert git.head(repository.root) == repository.git("rev-parse", "HEAD").strip()
    repository.git("checkout", "-q", "--detach")
    assert git.branch(repository.root) == ""


def test_tags_name_the_commit_behind_an_annotated_tag(repository: Repository) -> None:
    repository.commit("a")
    repository.git("tag", "light")
    repository.git("tag", "-a", "-m", "Release", "v1")
    head = git.head(repository.root)
    assert git.tags(repository.root) == {"light": head, "v1": head}


def test_the_remote_of_the_branch_comes_first(repository: Repository) -> None:
    for name in ("backup", "origin", "upstream"):
        repository.git("remote", "add", name, "somewhere")
    assert git.remotes(repository.root) == ("origin", "backup", "upstream")
    repository.git("config", "branch.main.remote", "upstream")
    assert git.remotes(repository.root) == ("upstream", "origin", "backup")


def test_the_identity_is_empty_when_git_was_never_told(
    repository: Repository, tmp_path: Path
) -> None:
    assert git.identity(repository.root) == "Ada <ada@example.org>"
    (tmp_path / "home" / ".gitconfig").unlink()
    assert git.identity(repository.root) == ""


def test_a_repository_that_wants_programs_run_gets_none_run(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("a")
    witness = tmp_path / "witness"
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n", encoding="utf-8")
    script.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(script))
    repository.git("status")
    assert witness.exists(), "git itself runs it, else this test shows nothing"
    witness.unlink()
    git.status(repository.root)
    git.tracked_files(repository.root)
    assert not witness.exists()


def test_variables_of_a_hook_do_not_point_git_elsewhere(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit("a")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert git.tracked_files(repository.root) == ("a",)


def test_the_index_of_a_linked_work_tree_is_its_own(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a")
    linked = tmp_path / "linked"
    repository.git("worktree", "add", "-q", str(linked))
    expected = repository.git("-C", str(linked), "rev-parse", "--git-path", "index").strip()
    assert worktree.git_index_path(linked) == repository.root / expected
    assert worktree.git_index_path(repository.root) == repository.root / ".git" / "index"
    assert worktree.git_index_path(tmp_path) is None


def test_inputs_come_from_git_where_it_tracks_something_and_from_a_walk_elsewhere(
    repository: Repository,
) -> None:
    repository.commit("a")
    repository.write("untracked")
    repository.write("dist/pkg-1/src.py")
    assert git.input_files(repository.root) == ("a",)
    assert git.input_files(repository.root, "dist") == ()
    assert git.input_files(repository.root / "dist" / "pkg-1") == ("src.py",)


def test_without_git_a_repository_is_refused_with_words(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("a")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PipelineError, match="git is not installed"):
        git.input_files(repository.root)


def test_without_git_an_exported_copy_still_has_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").touch()
    monkeypatch.setenv("PATH", "")
    assert git.input_files(tmp_path) == ("a.py",)


def test_a_broken_repository_speaks_in_git_s_own_words(repository: Repository) -> None:
    repository.commit("a")
    (repository.root / ".git" / "index").write_bytes(b"rubbish")
    with pytest.raises(PipelineError) as caught:
        git.tracked_files(repository.root)
    assert "index file" in caught.value.detail[0]
    assert "git -C" in caught.value.hint
