from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout.inputs import Checkout, glob_pattern
from pipeline.errors import ConfigError
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "packages" / "a").mkdir(parents=True)
    (root / "VERSION").write_text("1.0")
    (root / "packages" / "a" / "code.py").write_text("x = 1\n")
    (root / "packages" / "a" / "VERSION").symlink_to("../../VERSION")
    (root / "tool.sh").write_text("#!/bin/sh\n")
    (root / "tool.sh").chmod(0o755)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    return root


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True)


def checkout(root: Path) -> Checkout:
    return Checkout(root, StatCache(root.parent / "stat.json"))


def names(root: Path, source: str = ".", *inputs: str) -> list[str]:
    return [entry.path for entry in checkout(root).source(source, inputs).tree.entries]


def test_the_default_is_what_git_tracks_below_the_source(repository: Path) -> None:
    (repository / "untracked").touch()
    assert names(repository) == ["VERSION", "packages/a/VERSION", "packages/a/code.py", "tool.sh"]


def test_the_download_cache_is_no_input_of_anything(repository: Path) -> None:
    (repository / "kept").mkdir()
    (repository / "kept" / "a-1.tar.gz").touch()
    (repository / "kept-too").touch()
    git(repository, "add", ".")
    stats = StatCache(repository.parent / "stat.json")
    found = Checkout(repository, stats, without="kept").source(".", ("kept*",))
    assert [entry.path for entry in found.tree.entries] == ["kept-too"]


def test_a_link_out_of_its_package_becomes_what_it_leads_to(repository: Path) -> None:
    found = checkout(repository).source("packages/a", ())
    version, code = found.tree.entries
    assert (version.path, version.kind, code.path) == (
        "packages/a/VERSION",
        "file",
        "packages/a/code.py",
    )
    assert found.place("packages/a/VERSION").read_text() == "1.0"


def test_inputs_are_globs_of_the_repository(repository: Path) -> None:
    assert names(repository, ".", "packages/**/*.py", "VERSION") == [
        "VERSION",
        "packages/a/code.py",
    ]


def test_a_directory_as_input_means_all_below_it(repository: Path) -> None:
    assert "packages/a/code.py" in names(repository, ".", "packages")


def test_no_match_at_all_is_refused(repository: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to build from"):
        names(repository, ".", "nowhere/*")


def test_the_tree_tells_content_and_the_executable_bit_and_nothing_else(repository: Path) -> None:
    before = checkout(repository).source(".", ()).tree.digest
    (repository / "VERSION").touch()
    (repository / "VERSION").chmod(0o600)
    assert checkout(repository).source(".", ()).tree.digest == before
    (repository / "VERSION").chmod(0o700)
    assert checkout(repository).source(".", ()).tree.digest != before


def test_the_same_files_in_another_place_are_the_same_tree(repository: Path) -> None:
    before = checkout(repository).source(".", ()).tree.digest
    moved = repository.rename(repository.with_name("elsewhere"))
    assert checkout(moved).source(".", ()).tree.digest == before


def test_outside_git_every_file_counts_that_is_not_ignored(repository: Path) -> None:
    subprocess.run(["rm", "-r", str(repository / ".git")], check=True)
    (repository / ".gitignore").write_text("*.log\n")
    (repository / "x.log").touch()
    (repository / "new.py").touch()
    found = names(repository)
    assert "new.py" in found
    assert "x.log" not in found


def entries(root: Path, source: str = ".") -> dict[str, str]:
    found = checkout(root).source(source, ())
    return {
        e.path: e.target or f"{e.mode:o} {found.place(e.path).read_text()}"
        for e in found.tree.entries
    }


def test_modes_are_those_of_the_index_where_the_disk_has_none(repository: Path) -> None:
    before = checkout(repository).source(".", ()).tree.digest
    git(repository, "config", "core.fileMode", "false")
    (repository / "VERSION").chmod(0o755)
    (repository / "tool.sh").chmod(0o644)
    assert checkout(repository).source(".", ()).tree.digest == before
    git(repository, "config", "core.fileMode", "yes")
    assert checkout(repository).source(".", ()).tree.digest != before


def test_settings_of_git_decide_whether_a_run_is_repeated(repository: Path) -> None:
    found = checkout(repository)
    found.source(".", ())
    names = ("config", "config.worktree", "index")
    assert {str(repository / ".git" / name) for name in names} <= found.watched


def test_links_are_those_of_the_index_where_the_disk_has_none(repository: Path) -> None:
    before = checkout(repository).source(".", ()).tree.digest
    git(repository, "config", "core.symlinks", "false")
    link = repository / "packages" / "a" / "VERSION"
    link.unlink()
    link.write_text("../../VERSION")
    assert checkout(repository).source(".", ()).tree.digest == before
    assert entries(repository, "packages/a")["packages/a/VERSION"] == "644 1.0"


def test_tracked_files_that_are_not_on_disk_are_told_and_watched(repository: Path) -> None:
    (repository / "packages" / "a" / "code.py").unlink()
    found = checkout(repository)
    found.source("packages/a", ())
    assert found.left_out == {"packages/a/code.py"}
    assert str(repository / "packages" / "a" / "code.py") in found.watched
    other = checkout(repository)
    other.source(".", ("VERSION",))
    assert not other.left_out


def link(root: Path, path: str, target: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(target)
    git(root, "add", path)


def test_links_within_a_project_stay_links(repository: Path) -> None:
    link(repository, "packages/a/src/again", "../code.py")
    assert entries(repository, "packages/a")["packages/a/src/again"] == "../code.py"
    assert entries(repository)["packages/a/VERSION"] == "../../VERSION"


def test_a_link_to_a_directory_elsewhere_becomes_its_files(repository: Path) -> None:
    (repository / "shared" / "deep").mkdir(parents=True)
    (repository / "shared" / "deep" / "run.sh").write_text("run")
    (repository / "shared" / "deep" / "run.sh").chmod(0o755)
    (repository / "shared" / "untracked").touch()
    git(repository, "add", "shared/deep")
    link(repository, "shared/version", "../VERSION")
    link(repository, "packages/a/data", "../../shared")
    found = entries(repository, "packages/a")
    assert found["packages/a/data/deep/run.sh"] == "755 run"
    assert found["packages/a/data/version"] == "644 1.0"
    assert not {name for name in found if not name.startswith("packages/a/")}
    assert "packages/a/data/untracked" not in found


def test_a_link_by_way_of_others_becomes_what_is_at_its_end(repository: Path) -> None:
    link(repository, "shared", "packages")
    link(repository, "again", "shared/a/code.py")
    link(repository, "packages/b/code.py", "../../again")
    found = checkout(repository)
    assert found.source("packages/b", ()).place("packages/b/code.py").name == "code.py"
    assert entries(repository, "packages/b") == {"packages/b/code.py": "644 x = 1\n"}
    passed = {str(repository / name) for name in ("shared", "again", "packages/b/code.py")}
    assert passed <= found.watched


@pytest.mark.parametrize("target", ["../../../outside", "/etc/hostname"])
def test_a_link_out_of_the_repository_is_refused(repository: Path, target: str) -> None:
    (repository.parent / "outside").write_text("secret")
    link(repository, "packages/a/out", target)
    for source in ("packages/a", "."):
        with pytest.raises(ConfigError, match="leads out of the repository"):
            entries(repository, source)


@pytest.mark.parametrize(
    ("target", "why", "hint"),
    [
        ("../../untracked", "which git does not track", "`git add untracked`"),
        ("../../ignored/deep", "which git does not track", "`git add ignored/deep`"),
        ("../../nowhere", "which is not there", "must lead to files that git tracks"),
    ],
)
def test_a_link_to_what_git_does_not_track_is_refused(
    repository: Path, target: str, why: str, hint: str
) -> None:
    (repository / "ignored").mkdir()
    for name in ("untracked", "ignored/deep"):
        (repository / name).touch()
    link(repository, "packages/a/out", target)
    with pytest.raises(ConfigError, match=why) as caught:
        entries(repository, "packages/a")
    assert hint in caught.value.hint


def test_a_link_to_a_directory_that_it_lies_in_is_refused(repository: Path) -> None:
    link(repository, "packages/a/above", "../..")
    with pytest.raises(ConfigError, match="where it is itself"):
        entries(repository, "packages/a")


def test_directories_that_link_to_each_other_are_refused(repository: Path) -> None:
    link(repository, "one/two", "../three")
    link(repository, "three/one", "../one")
    link(repository, "packages/a/one", "../../one")
    with pytest.raises(ConfigError, match="where it is itself"):
        entries(repository, "packages/a")


def test_a_link_out_of_a_project_below_the_top_is_resolved_too(repository: Path) -> None:
    (repository / "VERSION").write_text("2.0")
    found = checkout(repository / "packages" / "a")
    tree = found.source(".", ())
    assert [(entry.path, entry.kind) for entry in tree.tree.entries] == [
        ("VERSION", "file"),
        ("code.py", "file"),
    ]
    assert tree.place("VERSION").read_text() == "2.0"


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "a/b/c.py", True),
        ("a/**", "a/b/c", True),
        ("a/**", "ab/c", False),
        ("a", "a/b", True),
        ("a/", "a/b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a.c", "abc", False),
        ("./a", "a", True),
    ],
)
def test_globs_stop_at_slashes_unless_doubled(glob: str, path: str, matches: bool) -> None:  # noqa: FBT001
    assert bool(re.fullmatch(glob_pattern(glob), path)) is matches
