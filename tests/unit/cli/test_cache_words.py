"""Which words `pipeline cache` takes: the store and the download cache are never mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a project with a download cache and an empty lock."""
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    declared = "version: 1\nproject: {download-cache: kept}\nstages:\n  notes: {kind: changelog}\n"
    (root / "pipeline.yaml").write_text(declared)
    monkeypatch.chdir(root)
    assert main(["lock"]) == 0
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
