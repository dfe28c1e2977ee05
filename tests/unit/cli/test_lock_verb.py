from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose lock cannot be read."""
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "pipeline.yaml").write_text("version: 1\nstages:\n  changelog: {kind: changelog}\n")
    (root / "pipeline.lock").write_text("{")
    return root


def test_a_lock_that_cannot_be_read_is_not_replaced_unasked(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lock", "-C", str(broken)]) == 3
    assert "`pipeline lock --upgrade`" in capsys.readouterr().err
    assert (broken / "pipeline.lock").read_text() == "{"


def test_upgrade_locks_anew_what_cannot_be_read(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lock", "--upgrade", "-C", str(broken)]) == 0
    out, err = capsys.readouterr()
    assert out == "wrote pipeline.lock\n"
    assert "it pins nothing\n" in err
    assert main(["lock", "--check", "-C", str(broken)]) == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--max-age", "3"],
        ["--check", "--min-age", "3"],
        ["--check", "--update", "attrs"],
        ["--check", "--epoch", "now"],
        ["--upgrade", "--update", "attrs"],
    ],
)
def test_a_flag_that_would_do_nothing_is_refused(broken: Path, flags: list[str]) -> None:
    assert main(["lock", *flags, "-C", str(broken)]) == 2
