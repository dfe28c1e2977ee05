"""Disk and commit differ and ``git status`` is silent: what is taken is what the commit has."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout import git
from pipeline.checkout.snapshot import changed_paths, lay_out
from pipeline.files import walk_files
from tests.unit.checkout.disks import CASES, begin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.checkout.disks import Case
    from tests.unit.conftest import Repository


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
    differ(repository)
    assert not git.status(repository.root)
    found = released(repository.root, tmp_path / "first")
    assert found == released(cloned(repository), tmp_path / "second")
    on_disk = contents(repository.root)
    assert {name: on_disk.get(name) for name in found} != found
