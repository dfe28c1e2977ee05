"""A `.dockerignore` takes nothing out of what is built; a Dockerfile's own context obeys it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import machine_settings

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

VARIANT = 'variant: {cuda: "13.0", naming: local}'
ENGINES = ["sandbox", pytest.param("docker", marks=pytest.mark.docker)]
OWN = """\
{% extends "pipeline/command.Dockerfile.j2" %}
{% block steps %}
COPY . /own
RUN --mount=target=/mounted ls -A /own /mounted /src > /out/seen
{{ super() }}
{% endblock %}
"""


@pytest.fixture
def ignoring(pure: Project) -> Project:
    """Return the example `pure` as most projects with an image have it: with a `.dockerignore`."""
    pure.write(".dockerignore", "*\n!pyproject.toml\n")
    pure.write("Dockerfile.dockerignore", "*\n")
    return pure


@pytest.mark.parametrize("engine", ENGINES)
def test_sdists_and_wheels_hold_what_dockerignore_names(ignoring: Project, engine: str) -> None:
    made = ignoring.run("run", "wheel", "--json", "--rebuild", "--engine", engine).expect(0)
    assert made.digests == ignoring.run("run", "wheel", "--json").expect(0).digests
    (sdist,) = (ignoring.root / "dist").glob("*.tar.gz")
    listed = subprocess.run(["tar", "tzf", sdist], capture_output=True, text=True, check=True)
    assert "/src/example_duration/durations.py\n" in listed.stdout


@pytest.mark.docker
def test_the_printed_command_makes_the_same_of_a_project_with_dockerignore(
    ignoring: Project,
) -> None:
    commands = ignoring.run("render", "sdist", "--output", "out", "--json").expect(0).document
    subprocess.run(["sh", "-c", commands["sdist"]], check=True, capture_output=True)
    (made,) = (ignoring.root / "out" / "sdist" / "out").iterdir()
    ran = ignoring.run("run", "sdist", "--json").expect(0)
    assert ran.digests == {made.name: sha256(made.read_bytes()).hexdigest()}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_modules_at_the_top_of_a_project_are_not_those_of_python(
    pure: Project, engine: str
) -> None:
    for name in {*sys.stdlib_module_names, "build", "installer", "pip", "hatchling"}:
        pure.write(f"{name}.py", "raise SystemExit('taken from the source')\n")
    declared = (pure.root / "pipeline.yaml").read_text()
    safe = 'env: {PYTHONSAFEPATH: "1"}'
    declared = declared.replace("    kind: sdist\n", f"    kind: sdist\n    {safe}\n")
    declared = declared.replace(
        "    kind: wheel\n", f"    kind: wheel\n    {VARIANT}\n    {safe}\n"
    )
    declared = declared.replace("run: python -m pytest -q", "run: test $PWD = /src && pytest -q")
    pure.write("pipeline.yaml", declared)
    networked = replace(pure, environ=machine_settings())
    networked.run("lock", PIPELINE_ENGINE=engine).expect(0)
    networked.run("run", "test", "--rebuild", "--engine", engine).expect(0)
    assert not (pure.root / "__pycache__").exists()  # nor did we import any of them on the host


@pytest.mark.parametrize("engine", ENGINES)
def test_a_dockerfiles_own_context_obeys_dockerignore(steps: Project, engine: str) -> None:
    steps.write(".dockerignore", "*\n!data.txt\n")
    steps.write("dockerfiles/own.Dockerfile.j2", OWN)
    steps.stages(own={"dockerfile": "own"})
    steps.run("run", "own", "--rebuild", "--engine", engine, "--dist", "dist").expect(0)
    own, mounted, sources = (steps.root / "dist" / "seen").read_text().split("\n\n")
    assert own.split() == ["/mounted:", "data.txt"]
    assert mounted.split() == ["/own:", "data.txt"]
    assert {".dockerignore", "pipeline.yaml", "data.txt"} <= {*sources.split()}
