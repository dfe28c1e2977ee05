"""The workflow that keeps the lock fresh: what it may do, and that it is written when asked for."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.cli.main import main
from pipeline.workflows.files import drifts, texts
from pipeline.workflows.options import Options, remembered
from tests.unit.workflows.projects import project

if TYPE_CHECKING:
    from pathlib import Path

UPDATE = ".github/workflows/update.yml"

TOOL = """#!/bin/sh
echo "./pipelinew $*" >> "$CALLS"
echo "name  old  new"
[ -z "${MANY:-}" ] || seq 20000
echo other > pipeline.lock
"""
GH = """#!/bin/sh
echo "gh $*" >> "$CALLS"
[ "$2" != create ] || [ -z "$OPEN" ]
"""


@pytest.fixture
def text(tmp_path: Path) -> str:
    return texts(project(tmp_path / "project"), Options(update=14))[UPDATE]


def test_it_is_written_only_when_asked_for(tmp_path: Path) -> None:
    assert UPDATE not in texts(project(tmp_path / "project"), Options())


def test_its_options_are_remembered_and_drift_is_told(tmp_path: Path, text: str) -> None:
    assert remembered(text) == Options(update=14)
    pipeline = project(tmp_path / "another")
    assert main(["ci", "init", "--update", "14", "-C", str(pipeline.root)]) == 0
    assert drifts(pipeline) == ()
    file = pipeline.root / UPDATE
    file.write_text(file.read_text().replace("--min-age 14", "--min-age 1"))
    assert [drift.file for drift in drifts(pipeline)] == [UPDATE]


@pytest.mark.parametrize("days", ["0", "-1", "7; rm", "99999", ""])
def test_what_is_no_number_of_days_is_refused(tmp_path: Path, days: str) -> None:
    pipeline = project(tmp_path / "project")
    assert main(["ci", "init", f"--update={days}", "-C", str(pipeline.root)]) == 2


def test_it_may_push_and_ask_and_nothing_else(text: str) -> None:
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert "secrets." not in text


def test_only_time_and_people_start_it(text: str) -> None:
    assert set(yaml.safe_load(text)[True]) == {"schedule", "workflow_dispatch"}


@pytest.mark.parametrize("already", ["", "yes"])
def test_a_changed_lock_becomes_a_branch_and_one_pull_request(
    tmp_path: Path, text: str, already: str
) -> None:
    calls, pushed = run_steps(tmp_path, text, changes=True, already=already)
    assert calls[0] == "./pipelinew lock --upgrade --min-age 14"
    assert [call.split()[1:3] for call in calls[1:]] == [
        ["auth", "setup-git"],
        ["pr", "create"],
        *([["pr", "edit"]] if already else []),
    ]
    assert pushed == "other\n"
    assert (tmp_path / "temp" / "body.md").read_text() == "    name  old  new\n"


def test_a_table_too_long_for_a_pull_request_is_cut(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANY", "yes")
    calls, _ = run_steps(tmp_path, text, changes=True, already="")
    assert calls[-1].startswith("gh pr create")
    assert (tmp_path / "temp" / "body.md").stat().st_size == 60000


def test_a_lock_that_stays_asks_nobody(tmp_path: Path, text: str) -> None:
    calls, pushed = run_steps(tmp_path, text, changes=False, already="")
    assert calls == ["./pipelinew lock --upgrade --min-age 14"]
    assert pushed == ""


def run_steps(tmp_path: Path, text: str, *, changes: bool, already: str) -> tuple[list[str], str]:
    """Run the job's own steps in a clone; return what was called, and the lock that was pushed."""
    origin, clone, programs = tmp_path / "origin", tmp_path / "clone", tmp_path / "bin"
    for directory in (origin, clone, programs, tmp_path / "temp"):
        directory.mkdir()
    git(origin, "init", "--quiet", "--bare")
    git(clone, "init", "--quiet")
    git(clone, "remote", "add", "origin", str(origin))
    (clone / "pipeline.lock").write_text("old\n" if changes else "other\n")
    for file, script in ((clone / "pipelinew", TOOL), (programs / "gh", GH)):
        file.write_text(script)
        file.chmod(0o755)
    git(clone, "add", ".")
    git(clone, "-c", "user.name=A", "-c", "user.email=a@mirror.example", "commit", "-qm", "lock")
    environ = {
        **os.environ,
        "CALLS": str(tmp_path / "calls"),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "OPEN": already,
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    for step in steps(text):
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        variables = {name: str(value) for name, value in step.get("env", {}).items()}
        subprocess.run(words, cwd=clone, env={**environ, **variables}, check=True)
    shown = subprocess.run(
        ["git", "show", "pipeline-update:pipeline.lock"],
        cwd=origin, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return (tmp_path / "calls").read_text().splitlines(), shown.stdout


def steps(text: str) -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(text)["jobs"].values()
    return [step for step in job["steps"] if "run" in step and "sysctl" not in step["run"]]


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True)
