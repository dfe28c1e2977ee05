"""A workflow walked: what would run, and what would only go wrong on GitHub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.workflows.files import texts
from pipeline.workflows.filters import Event
from pipeline.workflows.options import Options
from pipeline.workflows.read import load
from pipeline.workflows.walk import walk
from tests.unit.workflows.projects import project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.workflows.walked import Walk

MATRIX = {
    "include": [
        {"target": "linux_x86_64", "runner": "ubuntu-24.04", "cells": "wheel[linux_x86_64]"},
        {"target": "linux_arm64", "runner": "ubuntu-24.04-arm", "cells": "wheel[linux_arm64]"},
    ]
}

UPLOAD = "uses: actions/upload-artifact@v7"
DOWNLOAD = "uses: actions/download-artifact@v8"


def planned(script: str) -> dict[str, object]:
    return {"matrix": json.dumps(MATRIX)} if "ci matrix" in script else {}


def walked(root: Path, jobs: str, event: str = "push", head: str = "on: push") -> Walk:
    (root / "w.yml").write_text(f"name: W\n{head}\njobs:\n{jobs}")
    return walk(load(root, "w.yml"), Event.parse(event), planned)


def problems(root: Path, jobs: str) -> list[str]:
    return [problem.message for problem in walked(root, jobs).problems]


def test_our_own_release_is_walked_without_a_problem(tmp_path: Path) -> None:
    for file, text in texts(project(tmp_path), Options()).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
        event = Event.parse("tag:v1.2.3" if "release" in file else "pull_request")
        found = walk(load(tmp_path, file), event, planned)
        assert found.problems == ()
        names = [job.id for job in found.jobs]
        last = ["publish", "release"] if "release" in file else ["rehearse"]
        assert names == ["plan", "build", *last]
        build, after = found.jobs[1], found.jobs[2]
        assert [cell.runs_on for cell in build.cells] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
        assert build.cells[0].name == "Build for linux_x86_64"
        assert after.cells[0].consumes == ("dist-linux_x86_64", "dist-linux_arm64")
        assert build.cells[1].steps[-2].env["CELLS"] == "wheel[linux_arm64]"


def test_a_workflow_that_waits_for_something_else_is_idle(tmp_path: Path) -> None:
    found = walked(tmp_path, "  a: {runs-on: x, steps: []}\n", head="on: {push: {tags: [v*]}}")
    assert found.idle == "it waits for tags only"
    assert found.jobs == ()


def test_an_artifact_that_no_job_makes_is_a_problem(tmp_path: Path) -> None:
    jobs = f"""
  sbom: {{runs-on: x, steps: [{{{UPLOAD}, with: {{name: SBOM-Python}}}}]}}
  release: {{runs-on: x, needs: sbom, steps: [{{{DOWNLOAD}, with: {{name: SBOM report}}}}]}}
"""
    assert problems(tmp_path, jobs) == [
        "job `release` wants artifact `SBOM report`, and no job makes it"
    ]


def test_an_artifact_of_a_job_that_is_not_waited_for_is_a_problem(tmp_path: Path) -> None:
    jobs = f"""
  sbom: {{runs-on: x, steps: [{{{UPLOAD}, with: {{name: bom}}}}]}}
  release: {{runs-on: x, steps: [{{{DOWNLOAD}, with: {{name: bom}}}}]}}
"""
    assert problems(tmp_path, jobs) == [
        "job `release` wants artifact `bom`, and `sbom` makes it and is not needed"
    ]


def test_one_artifact_for_all_cells_of_a_matrix_is_a_problem(tmp_path: Path) -> None:
    jobs = f"""
  a:
    runs-on: x
    strategy: {{matrix: {{python: ["3.11", "3.12"], os: [a, b], exclude: [{{os: b}}]}}}}
    steps: [{{{UPLOAD}, with: {{name: dist}}}}]
"""
    assert problems(tmp_path, jobs) == ["artifact `dist` is uploaded more than once by `a`"]
    assert len(walked(tmp_path, jobs).jobs[0].cells) == 2


@pytest.mark.parametrize(
    "expression", ["needs.a.outputs.versoin", "needs.b.result", "steps.none.outputs.x", "matrix.os"]
)
def test_a_value_that_nothing_sets_is_a_problem(tmp_path: Path, expression: str) -> None:
    jobs = f"""
  a:
    runs-on: x
    outputs: {{version: "${{{{ steps.v.outputs.version }}}}"}}
    steps: [{{id: v, run: 'echo version=1 >> "$GITHUB_OUTPUT"'}}]
  c:
    runs-on: x
    needs: a
    steps: [{{run: echo, env: {{A: "${{{{ {expression} }}}}"}}}}]
"""
    (found,) = problems(tmp_path, jobs)
    assert "and nothing sets it" in found


def test_an_output_of_a_script_that_writes_none_is_a_problem(tmp_path: Path) -> None:
    jobs = """
  a:
    runs-on: x
    outputs: {version: "${{ steps.v.outputs.version }}"}
    steps: [{id: v, run: echo version=1}]
"""
    assert problems(tmp_path, jobs) == ["`steps.v.outputs.version` is used, and nothing sets it"]


def test_a_job_that_is_needed_and_not_there_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, "  a: {runs-on: x, needs: [biuld], steps: []}\n") == [
        "job `a` needs `biuld`, which is no job"
    ]


def test_jobs_that_need_each_other_are_refused(tmp_path: Path) -> None:
    jobs = "  a: {runs-on: x, needs: b, steps: []}\n  b: {runs-on: x, needs: a, steps: []}\n"
    with pytest.raises(ConfigError, match="in a circle"):
        walked(tmp_path, jobs)


def test_a_condition_that_fails_skips_the_job_and_those_that_need_it(tmp_path: Path) -> None:
    jobs = """
  a: {runs-on: x, if: "github.event_name == 'schedule'", steps: []}
  b: {runs-on: x, needs: a, steps: []}
  c: {runs-on: x, needs: a, if: "${{ always() }}", steps: []}
"""
    found = {job.id: job.skipped for job in walked(tmp_path, jobs).jobs}
    assert found == {"a": "if github.event_name == 'schedule'", "b": "a is skipped", "c": ""}


def test_a_job_has_its_own_permissions_else_those_of_the_workflow(tmp_path: Path) -> None:
    jobs = "  a: {runs-on: x, steps: []}\n  b: {runs-on: x, permissions: read-all, steps: []}\n"
    found = walked(tmp_path, jobs, head="on: [push]\npermissions: {contents: read}").jobs
    assert [job.permissions for job in found] == [{"contents": "read"}, {"read-all": ""}]
    assert walked(tmp_path, jobs).jobs[0].permissions is None


@pytest.mark.parametrize("text", ["", "name: x\n", "jobs: [a]\n", "a: &x 1\njobs: {}\n"])
def test_what_is_no_workflow_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.yml").write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path, "w.yml")
