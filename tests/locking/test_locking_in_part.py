"""`pipeline lock` writes what it can, says what it cannot, and ends with that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main
from pipeline.lock.file import load

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = """\
version: 1
stages:
  changelog: {kind: changelog}
environments:
  dev: {requires: [alpha]}
  wrong: {requires: ["beta<1"]}
  worse: {requires: ["gamma<1"]}
"""


@pytest.fixture
def project(wheels: Path) -> Path:
    root = wheels.parent / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\n')
    (root / "pipeline.yaml").write_text(DECLARED)
    return root


def test_what_can_be_locked_is_written_and_the_rest_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lock", "-C", str(project)]) == 3
    err = capsys.readouterr().err
    assert "pipeline.yaml:6:3: environment `wrong` cannot be resolved" in err
    assert "pipeline.yaml:7:3: environment `worse` cannot be resolved" in err
    assert list(load(project / "pipeline.lock").environments) == ["dev"]


@pytest.mark.slow
def test_a_document_has_all_that_failed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock", "--json", "-C", str(project)]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["written"] == ["pipeline.lock"]
    assert document["error"]["exit_code"] == 3
    assert [error["where"] for error in document["errors"]] == [
        "pipeline.yaml:6:3",
        "pipeline.yaml:7:3",
    ]


@pytest.mark.slow
def test_a_lock_of_nothing_is_not_written(project: Path) -> None:
    (project / "pipeline.yaml").write_text(DECLARED.replace("[alpha]", '["alpha<1"]'))
    assert main(["lock", "-C", str(project)]) == 3
    assert not (project / "pipeline.lock").exists()
