"""Disk and commit differ and ``git status`` is silent: what is taken is what the commit has."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout import git
from pipeline.checkout.differences import differences
from pipeline.checkout.snapshot import IncompleteCommitError, changed_paths, lay_out
from pipeline.files import walk_files
from tests.unit.checkout.disks import CASES, attributes, begin
from tests.unit.conftest import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.checkout.disks import Case


def contents(root: Path) -> dict[str, tuple[str, bytes]]:
    """Return kind and content of each file, a link's target in place of its content."""
    found = {}
    for name in walk_files(root):
        path = root / name
        if ".git" not in path.relative_to(root).parts:
            link = path.is_symlink()
            data = os.readlink(path).encode() if link else path.read_bytes()
            mode = path.lstat().st_mode
            found[name] = ("link" if link else oct(mode & stat.S_IXUSR), data)
    return found


def released(root: Path, directory: Path) -> dict[str, tuple[str, bytes]]:
    """Return what a release of a work tree is made of."""
    return contents(lay_out(root, git.head(root), directory, changed_paths(root)))


def cloned(repository: Repository) -> Path:
    clone = repository.root.parent / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--no-local", str(repository.root), str(clone)], check=True
    )
    return clone


@pytest.mark.parametrize("differ", CASES, ids=lambda one: one.__name__)
def test_where_status_is_silent_the_commit_counts_and_not_the_disk(
    repository: Repository, tmp_path: Path, differ: Case
) -> None:
    begin(repository)
    assert not differences(repository.root, git.head(repository.root))
    differ(repository)
    assert not git.status(repository.root)
    assert not repository.git("status", "--porcelain")
    causes = {one.cause for one in differences(repository.root, git.head(repository.root))}
    assert causes
    assert all(cause.startswith(CASES[differ]) for cause in causes)
    found = released(repository.root, tmp_path / "first")
    assert found == released(cloned(repository), tmp_path / "second")
    on_disk = contents(repository.root)
    assert {name: on_disk.get(name) for name in found} != found


def a_replaced_commit(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD").strip()
    repository.write("code.py", "X = 4\n")
    repository.commit()
    other = repository.git("rev-parse", "HEAD").strip()
    repository.git("reset", "--quiet", "--soft", first)
    repository.git("replace", first, other)


def a_monitor_that_says_nothing_changed(repository: Repository) -> None:
    hook = repository.root.parent / "monitor"
    hook.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    hook.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(hook))
    repository.git("update-index", "--fsmonitor")
    repository.git("status")
    repository.write("code.py", "X = 5\n")


def an_unknown_declaration(repository: Repository) -> None:
    repository.git("config", "status.showUntrackedFiles", "no")
    repository.write("images/python.yaml", "packages: []\n")


def a_file_to_be_added(repository: Repository) -> None:
    repository.write("new.py")
    repository.git("add", "--intent-to-add", "new.py")


@pytest.mark.parametrize(
    "differ",
    [
        a_replaced_commit,
        a_monitor_that_says_nothing_changed,
        an_unknown_declaration,
        a_file_to_be_added,
    ],
    ids=lambda one: one.__name__,
)
def test_where_git_can_be_made_to_look_it_tells_of_the_change(
    repository: Repository, tmp_path: Path, differ: Case
) -> None:
    begin(repository)
    differ(repository)
    changes = git.status(repository.root)
    assert changes
    (changed,) = changed_paths(repository.root)
    found = released(repository.root, tmp_path / "first")
    assert found[changed] == contents(repository.root)[changed]


def an_unknown_file(repository: Repository) -> None:
    repository.git("config", "status.showUntrackedFiles", "no")
    repository.git("config", "core.untrackedCache", "true")
    repository.write(".git/info/exclude", "new.py\n")
    repository.write("new.py")


def a_repository_within(repository: Repository) -> None:
    repository.write(".git/info/exclude", "inner/\n")
    repository.git("init", "--quiet", "inner")
    repository.write("inner/new.py")


def what_archives_replace(repository: Repository) -> None:
    repository.write("code.py", "X = '$Format:%H$'\n")
    attributes(repository, "code.py export-subst\nkept export-ignore")


def line_ends_in_the_commit(repository: Repository) -> None:
    (repository.root / "lines.txt").write_bytes(b"one\r\n")
    repository.commit()
    repository.git("config", "core.autocrlf", "input")


@pytest.mark.parametrize(
    "differ",
    [
        an_unknown_file,
        a_repository_within,
        what_archives_replace,
        line_ends_in_the_commit,
    ],
    ids=lambda one: one.__name__,
)
def test_what_is_no_part_of_a_commit_changes_nothing(
    repository: Repository, tmp_path: Path, differ: Case
) -> None:
    begin(repository)
    differ(repository)
    assert not git.status(repository.root)
    found = released(repository.root, tmp_path / "first")
    assert found == released(cloned(repository), tmp_path / "second")
    assert set(found) == set(repository.git("ls-files").split())


def test_parents_that_a_person_cut_off_are_seen(repository: Repository) -> None:
    begin(repository)
    repository.commit("later.py")
    repository.write(".git/info/grafts", repository.git("rev-parse", "HEAD"))
    assert git.ask(repository.root, "rev-list", "--count", "HEAD") == "2\n"


def test_variables_of_git_do_not_lead_elsewhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(repository)
    found = released(repository.root, tmp_path / "first")
    other = tmp_path / "other"
    repository.git("init", "--quiet", str(other))
    names = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
    for name in (*names, "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_CONFIG", "GIT_ATTR_SOURCE"):
        monkeypatch.setenv(name, str(other / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.autocrlf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    assert released(repository.root, tmp_path / "second") == found


def test_a_linked_work_tree_has_the_same_objects(repository: Repository, tmp_path: Path) -> None:
    begin(repository)
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    found = released(repository.root, tmp_path / "first")
    assert released(tmp_path / "linked", tmp_path / "second") == found


def test_objects_that_are_not_here_are_named(repository: Repository, tmp_path: Path) -> None:
    begin(repository)
    repository.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    words = ("--filter=blob:none", "--sparse", f"file://{repository.root}", str(partial))
    subprocess.run(["git", "clone", "-q", *words], check=True)
    assert not git.status(partial)
    with pytest.raises(IncompleteCommitError, match=r"lacks the content of `kept/deep.py`"):
        released(partial, tmp_path / "first")


def test_a_directory_that_is_not_here_is_told(repository: Repository, tmp_path: Path) -> None:
    begin(repository)
    tree = repository.git("rev-parse", "HEAD:kept").strip()
    (repository.root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert not repository.git("diff", "--name-only")
    with pytest.raises(IncompleteCommitError, match="a directory of it is missing"):
        released(repository.root, tmp_path / "first")


def test_a_shallow_clone_has_all_of_its_last_commit(repository: Repository, tmp_path: Path) -> None:
    begin(repository)
    repository.commit("later.py")
    shallow = tmp_path / "shallow"
    words = ("--depth=1", f"file://{repository.root}", str(shallow))
    subprocess.run(["git", "clone", "-q", *words], check=True)
    found = released(repository.root, tmp_path / "first")
    assert released(shallow, tmp_path / "second") == found


def test_a_repository_of_sha256_is_taken_alike(git_identity: None, tmp_path: Path) -> None:
    del git_identity
    made = Repository(tmp_path / "work")
    made.root.mkdir()
    made.git("init", "--quiet", "--object-format=sha256")
    begin(made)
    assert released(made.root, tmp_path / "first") == contents(made.root)
    assert not differences(made.root, git.head(made.root))


def test_what_is_being_changed_is_taken_as_git_would_commit_it(
    repository: Repository, tmp_path: Path
) -> None:
    begin(repository)
    attributes(repository, "*.nb filter=strip")
    repository.git("config", "filter.strip.clean", "sed /output/d")
    repository.write("notes.nb", "changed\noutput: private\n")
    repository.write("untracked.py")
    repository.git("rm", "--quiet", "code.py")
    (repository.root / "kept" / "deep.py").unlink()
    repository.write("kept/deep.py/now-a-directory.py")
    repository.git("add", "kept")
    found = released(repository.root, tmp_path / "first")
    assert found["notes.nb"] == ("0o0", b"changed\n")
    assert "kept/deep.py/now-a-directory.py" in found
    assert not {"code.py", "untracked.py"} & found.keys()


def test_a_project_below_the_top_is_laid_out_with_what_its_links_lead_to(
    repository: Repository, tmp_path: Path
) -> None:
    begin(repository)
    repository.write("projects/one/code.py", "X = 6\n")
    (repository.root / "projects" / "one" / "more").symlink_to("../../kept")
    repository.commit()
    project = repository.root / "projects" / "one"
    copy = lay_out(project, git.head(project), tmp_path / "copy")
    assert copy == tmp_path / "copy" / "projects" / "one"
    assert (copy / "more" / "deep.py").read_text() == "Y = 2\n"
    assert not (tmp_path / "copy" / "code.py").exists()
