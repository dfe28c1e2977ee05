"""How old a lock is, by git, and how young what it may choose."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import LockError, UsageError
from pipeline.locking import uv
from pipeline.locking.age import DAY, newest, require_younger

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.settings import Settings
    from tests.unit.locking.conftest import Site

MOMENT = 1_700_000_000
"""2023-11-14, 22:13 UTC, in seconds."""


def git(root: Path, *words: str, at: int = MOMENT) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@mirror.example")
    dates = {"GIT_COMMITTER_DATE": f"{at} +0000", "GIT_AUTHOR_DATE": "@1 +0000"}
    subprocess.run(["git", *author, *words], cwd=root, check=True, env={**os.environ, **dates})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project in git, below the top, whose lock was committed at MOMENT."""
    project = tmp_path / "repository" / "project"
    project.mkdir(parents=True)
    git(project.parent, "init", "--quiet")
    (project / "pipeline.lock").write_text("{}")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "lock")
    return project


def test_the_limit_is_a_midnight_so_that_a_day_chooses_alike() -> None:
    assert newest(7, MOMENT) == "2023-11-07T00:00:00Z" == newest(7, MOMENT + 3600)


def test_uv_is_told_the_limit_and_none_otherwise(settings: Settings, tmp_path: Path) -> None:
    request = uv.Request(requirements=("thing",), python="3.11")
    words = uv.command(request, tmp_path, replace(settings, newest="2023-11-07T00:00:00Z"))
    assert words[words.index("--exclude-newer") + 1] == "2023-11-07T00:00:00Z"
    assert "--exclude-newer" not in uv.command(request, tmp_path, settings)


def test_a_lock_is_as_old_as_the_last_commit_that_changed_it(root: Path) -> None:
    (root / "other").write_text("")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "other", at=MOMENT + 50 * DAY)
    require_younger(root, 30, MOMENT + 31 * DAY - 1)
    with pytest.raises(LockError, match="31 days ago"):
        require_younger(root, 30, MOMENT + 31 * DAY)


def test_a_lock_that_was_just_changed_is_young(root: Path) -> None:
    (root / "pipeline.lock").write_text("{ }")
    require_younger(root, 30, MOMENT + 100 * DAY)


def test_history_that_was_left_out_is_no_answer(root: Path, tmp_path: Path) -> None:
    (root / "other").write_text("")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "other", at=MOMENT + 50 * DAY)
    address = root.parent.as_uri()
    git(tmp_path, "clone", "--quiet", "--depth=1", address, "shallow")
    with pytest.raises(UsageError, match="older history was left out"):
        require_younger(tmp_path / "shallow" / "project", 30, MOMENT + 51 * DAY)


def test_without_git_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository"):
        require_younger(tmp_path, 30, MOMENT)


def offer(site: Site, uploads: dict[str, str]) -> None:
    """Offer a wheel for each version, with the moment it was uploaded, where one is given."""
    files = []
    for version, moment in uploads.items():
        name = f"thing-{version}-py3-none-any.whl"
        words = f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n"
        site.put(f"/files/{name}.metadata", words.encode())
        row: dict[str, object] = {
            "filename": name,
            "url": f"/files/{name}",
            "hashes": {"sha256": "0" * 64},
        }
        row |= {"core-metadata": True, "size": 1}
        files.append(row | ({"upload-time": moment} if moment else {}))
    document = {"meta": {"api-version": "1.1"}, "name": "thing", "files": files}
    kind = "application/vnd.pypi.simple.v1+json"
    site.put("/simple/thing/", json.dumps(document).encode(), kind=kind)


@pytest.mark.parametrize(("days", "version"), [(0, "2.0"), (7, "1.0")])
def test_nothing_younger_is_chosen(site: Site, settings: Settings, days: int, version: str) -> None:
    offer(site, {"1.0": "2023-10-01T00:00:00Z", "2.0": "2023-11-13T00:00:00Z"})
    limited = replace(settings, newest=newest(days, MOMENT))
    vars(limited)["pip"] = settings.pip
    request = uv.Request(requirements=("thing",), python="3.11")
    assert [package.version for package in uv.resolve(request, limited)] == [version]


def test_an_index_that_tells_no_time_has_nothing_that_is_old_enough(
    site: Site, settings: Settings
) -> None:
    offer(site, {"1.0": ""})
    limited = replace(settings, newest=newest(7, MOMENT))
    vars(limited)["pip"] = settings.pip
    with pytest.raises(LockError):
        uv.resolve(uv.Request(requirements=("thing",), python="3.11"), limited)
