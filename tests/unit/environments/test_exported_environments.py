from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.environments.editors import settings, write
from pipeline.environments.export import export, in_use, sweep
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_path_stays_while_what_it_leads_to_moves(tmp_path: Path) -> None:
    root, one, two = (tmp_path / name for name in ("root", "one", "two"))
    for directory in (root, one, two):
        directory.mkdir()
    states = [export("dev", target, root, tmp_path).state for target in (one, one, two, one)]
    assert states == ["made", "as it was", "moved", "moved"]
    assert (root / ".pipeline/venvs/dev").resolve() == one


def test_the_store_knows_what_links_lead_to_until_they_are_gone(tmp_path: Path) -> None:
    store, root = tmp_path / "store", tmp_path / "root"
    environments = [store / "derived/environment" / key for key in ("one", "two")]
    for directory in (*environments, root):
        directory.mkdir(parents=True)
    for directory in environments:
        export("dev", directory, root, store)
        assert in_use(store) == {directory.name}
    export("docs", environments[0], root, store)
    assert in_use(store) == {"one", "two"}
    (root / ".pipeline/venvs/dev").unlink()
    assert in_use(store) == {"one"}
    (tmp_path / "other").mkdir()
    export("docs", tmp_path / "other", root, tmp_path)
    assert in_use(store) == frozenset()


def test_links_of_environments_that_are_no_more_are_removed_and_nothing_else(
    tmp_path: Path,
) -> None:
    store, root = tmp_path / "store", tmp_path / "root"
    environment = store / "derived/environment/one"
    for directory in (environment, root):
        directory.mkdir(parents=True)
    assert sweep(root, store, ["dev"]) == []
    for name in ("dev", "old"):
        export(name, environment, root, store)
    venvs = root / ".pipeline/venvs"
    (venvs / "by-hand").mkdir()
    (venvs / "elsewhere").symlink_to(tmp_path)
    (swept,) = sweep(root, store, ["dev"])
    assert (swept.name, swept.state, swept.target) == ("old", "removed", environment)
    assert {path.name for path in venvs.iterdir()} == {"dev", "by-hand", "elsewhere"}
    assert environment.is_dir()


def test_git_sees_nothing_of_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    export("dev", tmp_path, root, tmp_path)
    listed = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""


def test_what_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".pipeline/venvs/dev").mkdir(parents=True)
    with pytest.raises(UsageError, match="is no link of ours"):
        export("dev", tmp_path, tmp_path, tmp_path)


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ".pipeline").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="leads out of the repository"):
        export("dev", tmp_path, tmp_path / "root", tmp_path)
    assert not (tmp_path / "venvs").exists()


def test_editors_are_told_the_stable_path_and_what_is_importable() -> None:
    told = json.loads(settings("vscode", "dev", ["src", "packages/a/src", "packages/b"]))
    assert told["python.defaultInterpreterPath"].endswith("/.pipeline/venvs/dev/bin/python")
    assert told["python.analysis.extraPaths"] == ["packages/a/src", "packages/b"]
    told = json.loads(settings("pyright", "dev", ["."]))
    assert told == {"venvPath": ".pipeline/venvs", "venv": "dev"}


def test_settings_that_are_there_already_stay(tmp_path: Path) -> None:
    assert write("vscode", "{}\n", tmp_path) == ".vscode/settings.json"
    assert write("vscode", "{}\n", tmp_path) == ".vscode/settings.json"
    with pytest.raises(UsageError, match="not overwritten"):
        write("vscode", '{"a": 1}\n', tmp_path)
    assert (tmp_path / ".vscode/settings.json").read_text() == "{}\n"
