"""The jobs of a workflow run in turn on this machine, by the scripts of the written files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the pure example with workflows and a launcher."""
    place = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "examples" / "pure",
        place,
        ignore=shutil.ignore_patterns("dist", ".git*", "__pycache__"),
    )
    launcher = place / "pipelinew"
    launcher.write_text(f'#!/bin/sh\nexec "{ROOT}/pipelinew" "$@"\n')
    launcher.chmod(0o755)
    subprocess.run(["git", "init", "-q", place], check=True)
    subprocess.run(["git", "add", "-A"], cwd=place, check=True)
    assert main(["ci", "init", "-C", str(place)]) == 0
    return place


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["ci", *words])
    return code, *capsys.readouterr()


def test_our_own_workflows_are_as_they_would_be_written() -> None:
    assert main(["ci", "check", "-C", str(ROOT)]) == 0


def test_a_simulation_plans_for_real_and_fits_a_terminal(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "simulate", "--event", "tag:v1.2.3", "-C", str(checkout))
    assert code == 0
    assert "ci.yml is not started: it waits for branches only" in out
    assert "cells      test\n" in out
    assert "permissions  id-token: write\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_simulation_as_json_has_every_job(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "simulate", "--event=pull_request", "--json", "-C", str(checkout))
    ci, release = json.loads(out)["workflows"]
    assert code == 0
    assert [job["id"] for job in ci["jobs"]] == ["plan", "build", "rehearse", "changes"]
    assert ci["jobs"][2]["cells"][0]["consumes"] == ["dist-linux_x86_64"]
    assert release["idle"] == "it waits for push"


def test_a_simulation_tells_what_would_go_wrong(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkout / ".github" / "workflows" / "release.yml"
    file.write_text(file.read_text().replace("pattern: dist-*", "name: wheels"))
    code, _, err = said(capsys, "simulate", "--event", "tag:v1", "-C", str(checkout))
    assert code == 2
    assert "job `publish` wants artifact `wheels`, and no job makes it" in err


def script(job: dict[str, Any]) -> str:
    found: str = job["steps"][-1]["run"] if "run" in job["steps"][-1] else job["steps"][-2]["run"]
    return found


def run(script: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub's runner does for ``shell: bash``."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=os.environ | variables,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.network
@pytest.mark.sandbox
def test_what_one_job_builds_the_next_one_rehearses_to_publish(checkout: Path) -> None:
    jobs = yaml.safe_load((checkout / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    output = checkout.parent / "output"

    done = run(script(jobs["plan"]), checkout, GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(output.read_text().partition("=")[2])["include"]

    output.unlink()
    done = run(
        script(jobs["build"]),
        checkout,
        GITHUB_OUTPUT=str(output),
        CELLS=entry["cells"],
        TARGET=entry["target"],
    )
    assert done.returncode == 0, done.stderr
    target, _, manifest = output.read_text().strip().partition("=")

    (checkout / "dist").rename(checkout / "artifacts")
    needs = json.dumps({"build": {"result": "success", "outputs": {target: manifest}}}, indent=2)
    done = run(script(jobs["rehearse"]), checkout, NEEDS=needs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accepted") == 2

    (wheel,) = (checkout / "artifacts").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    done = run(script(jobs["rehearse"]), checkout, NEEDS=needs)
    assert done.returncode == 4
    assert "is not a file that a job said it built" in done.stderr
