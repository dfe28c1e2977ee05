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
