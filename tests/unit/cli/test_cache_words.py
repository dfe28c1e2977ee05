"""Which words `pipeline cache` takes: the store and the download cache are never mixed up."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def locked_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a download cache and an empty lock, to be copied."""
    root = tmp_path_factory.mktemp("locked")
    declared = "version: 1\nproject: {download-cache: kept}\nstages:\n  notes: {kind: changelog}\n"
    (root / "pipeline.yaml").write_text(declared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIPELINE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        assert main(["lock", "-C", str(root)]) == 0
    return root


@pytest.fixture
def project(locked_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a copy of the locked project."""
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "project"
    shutil.copytree(locked_project, root)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    "words",
    [
        "prune --branches main",
        "prune --downloads --older-than 3",
        "verify --locked",
        "list extra",
        "add",
        "add --fork .",
        "remove",
        "remove thing",
        "remove thing==1",
        "upgrade",
        "export",
        "export a b",
        "export x --downloads",
        "import x --platform linux_x86_64",
        "add thing",
        "add README.md",
        "add --local x README.md",
        "add --image python --locked",
        "add --fork none-such --local x",
        "prune --also .",
        "prune --downloads --also none-such",
    ],
)
def test_words_that_mean_nothing_are_refused(words: str, project: Path) -> None:
    (project / "README.md").touch()
    assert main(["cache", *words.split()]) == 2


def test_a_file_is_added_listed_verified_and_removed(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "thing-1.0-py3-none-any.whl"
    source.write_bytes(b"x")
    kept = project / "kept" / source.name
    assert main(["cache", "add", str(source)]) == 0
    assert kept.read_bytes() == b"x"
    assert main(["cache", "verify", "--downloads"]) == 0
    source.write_bytes(b"y")
    assert main(["cache", "add", str(source)]) == 4
    assert kept.read_bytes() == b"x"
    capsys.readouterr()
    assert main(["cache", "list", "--downloads"]) == 0
    assert source.name in capsys.readouterr().out
    assert main(["cache", "prune"]) == 0
    assert kept.is_file(), "the store's word removes nothing of the download cache"
    kept.write_bytes(b"z")
    assert main(["cache", "verify", "--downloads"]) == 4
    assert main(["cache", "remove", "Thing==1"]) == 0
    assert not kept.exists()


def test_without_a_lock_nothing_is_needed_yet(project: Path) -> None:
    (project / "pipeline.lock").unlink()
    source = project / "thing-1.0-py3-none-any.whl"
    source.write_bytes(b"x")
    assert main(["cache", "add", str(source)]) == 0
    assert main(["cache", "verify", "--downloads"]) == 0
    assert main(["cache", "remove", "thing==1.0"]) == 0
    assert main(["cache", "prune", "--downloads"]) != 0


@pytest.mark.parametrize("place", [".", "./", "..", "../../", "https://mirror.example/x", "git+x"])
def test_a_place_that_would_take_the_projects_own_files_or_an_address_is_refused(
    place: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = (project / "pipeline.yaml").read_text()
    (project / "pipeline.yaml").write_text(declared.replace("kept", f'"{place}"'))
    assert main(["cache", "list", "--downloads"]) == 2
    assert "a directory of its own, or `git+URL#BRANCH`" in capsys.readouterr().err


def test_pruning_outside_of_git_removes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "kept").mkdir()
    (project / "kept" / "thing-1.0-py3-none-any.whl").touch()
    assert main(["cache", "prune", "--downloads"]) == 2
    assert "in no git repository" in capsys.readouterr().err


def test_a_file_that_was_put_there_by_hand_is_listed_where_it_lies(project: Path) -> None:
    path = project / "kept" / "pool" / "main" / "thing_1_all.deb"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert main(["cache", "verify", "--downloads"]) == 4
    assert main(["cache", "add", str(path)]) == 0
    assert main(["cache", "verify", "--downloads"]) == 0
    assert [found.name for found in (project / "kept").iterdir() if found.is_file()] == [
        "SHA256SUMS"
    ]


def test_pruning_stops_for_a_branch_that_is_not_there_and_heeds_other_checkouts(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = project / "kept" / "thing-1.0-py3-none-any.whl"
    thing.parent.mkdir()
    thing.write_bytes(b"x")
    for root in (project, tmp_path / "other"):
        root.mkdir(exist_ok=True)
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@mail.example")
        for words in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "x")):
            subprocess.run(["git", *who, *words], cwd=root, check=True)
    (tmp_path / "other" / "pipeline.lock").write_text("damaged")
    assert main(["cache", "prune", "--downloads", "--branches", "main,mian"]) == 2
    also = ("--also", str(tmp_path / "other"))
    assert main(["cache", "prune", "--downloads", *also]) == 3
    assert thing.exists(), "in doubt nothing is removed"
    (tmp_path / "other" / "pipeline.lock").unlink()
    capsys.readouterr()
    assert main(["cache", "prune", "--downloads", *also]) == 0
    assert capsys.readouterr().out == "1 file removed, 1 B freed\n"


def test_a_project_without_a_download_cache_is_told_how_to_declare_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pipeline.yaml").write_text("version: 1\nstages:\n  notes: {kind: changelog}\n")
    assert main(["cache", "verify", "--downloads"]) == 2
    assert "download-cache" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_a_bundle_of_another_lock_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    bundle = str(tmp_path / "x.bundle")
    assert main(["cache", "export", bundle, "--offline", "--platform", "linux_x86_64"]) == 2
    (tmp_path / "x.bundle").write_bytes(b"no tar")
    assert main(["cache", "import", bundle]) == 4
    assert main(["cache", "import", str(tmp_path / "absent")]) == 1
