"""What `pipeline lock` writes beside the lock, and what it never writes over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = """\
version: 1
stages:
  changelog: {{kind: changelog}}
environments:
  dev: {{requires: [alpha], export: {file}}}
"""


@pytest.fixture
def root(wheels: Path) -> Path:
    root = wheels.parent / "project"
    root.mkdir()
    return root


def declare(root: Path, file: str) -> None:
    (root / "pipeline.yaml").write_text(DECLARED.format(file=file))


@pytest.mark.parametrize("file", ["pipeline.yaml", "notes.txt", "folder"])
def test_what_somebody_else_wrote_is_not_overwritten(
    root: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(root, file)
    (root / "notes.txt").write_text("alpha==1.0  # by hand\n")
    (root / "folder").mkdir()
    before = (root / file).read_bytes() if file != "folder" else b""
    assert main(["lock", "-C", str(root)]) == 2
    assert f"`{file}` is there already" in capsys.readouterr().err
    assert not (root / "pipeline.lock").exists()
    assert file == "folder" or (root / file).read_bytes() == before


@pytest.mark.slow
def test_a_folder_is_made_where_there_is_none(root: Path) -> None:
    declare(root, "locked/for/dev.txt")
    assert main(["lock", "-C", str(root)]) == 0
    assert "alpha==2.0" in (root / "locked/for/dev.txt").read_text()
    assert main(["lock", "-C", str(root)]) == 0
    assert main(["lock", "--check", "-C", str(root)]) == 0


@pytest.mark.slow
def test_a_file_with_the_marks_of_a_merge_is_still_ours(root: Path) -> None:
    declare(root, "dev.txt")
    assert main(["lock", "-C", str(root)]) == 0
    file = root / "dev.txt"
    text = file.read_text()
    file.write_text(f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
    assert main(["lock", "-C", str(root)]) == 0
    assert file.read_text() == text


def test_a_link_out_of_the_repository_is_not_written_through(root: Path) -> None:
    declare(root, "link/dev.txt")
    (root / "link").symlink_to(root.parent)
    assert main(["lock", "-C", str(root)]) == 2
    assert not (root.parent / "dev.txt").exists()
