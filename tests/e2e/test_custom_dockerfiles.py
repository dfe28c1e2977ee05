"""A template of the project's own, through the real command, on every engine."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

TOKEN = {"MY_TOKEN": "four"}
TEMPLATE = """\
{% extends "pipeline/command.Dockerfile.j2" %}
{% block steps %}
ARG LEVEL
RUN --mount=type=tmpfs,target=/t --mount=type=secret,id=token,target=/t/token,mode=0444 \\
    wc -c < /t/token > /out/length-$LEVEL
RUN --mount=type=bind,from=src,source=/data.txt,target=/data.txt \\
    --mount=type=cache,target=/cache,sharing=locked \\
    cp /data.txt /cache/seen && cp /cache/seen /out/seen-$LEVEL
RUN <<EOF
echo "level $LEVEL" > /out/level-$LEVEL
EOF
{{ super() }}
{% endblock %}
"""
STAGE = {
    "dockerfile": "own",
    "matrix": {"level": ["1", "2"]},
    "build-args": {"LEVEL": "{level}"},
    "secrets": {"token": "MY_TOKEN"},
    "run": "cp /out/level-{level} /out/again-{level}",
}


@pytest.fixture
def own(steps: Project) -> Project:
    steps.stages(own=STAGE)
    steps.write("dockerfiles/own.Dockerfile.j2", TEMPLATE)
    return steps


@pytest.mark.parametrize("engine", ["sandbox", pytest.param("docker", marks=pytest.mark.docker)])
def test_steps_mounts_arguments_and_secrets_of_the_user_reach_the_build(
    own: Project, engine: str
) -> None:
    words = ("run", "own", "--json", "--rebuild", "--engine", engine, "--dist", "dist")
    ran = own.run(*words, **TOKEN).expect(0)
    assert "four" not in ran.stdout + ran.stderr
    cells = {cell["cell"]: cell for cell in ran.document["cells"]}
    assert {cell["network"] for cell in cells.values()} == {"none"}
    digests = {
        name: {output["name"]: output["sha256"] for output in cell["outputs"]}
        for name, cell in cells.items()
    }
    one, two = digests["own[1]"], digests["own[2]"]
    assert sorted(one) == ["again-1", "length-1", "level-1", "seen-1"]
    assert one["level-1"] != two["level-2"]
    assert one["level-1"] == one["again-1"]
    assert one["length-1"] == two["length-2"] == sha256(b"4\n").hexdigest()
    assert one["seen-1"] == sha256((own.root / "data.txt").read_bytes()).hexdigest()


def test_a_secret_that_is_not_set_is_named_before_anything_runs(own: Project) -> None:
    ran = own.run("run", "own", "--rebuild").expect(2)
    assert "MY_TOKEN" in ran.stderr


def test_a_step_that_asks_for_the_network_is_refused_when_it_is_planned(own: Project) -> None:
    asking = TEMPLATE.replace("RUN <<EOF", "RUN --network=host <<EOF")
    own.write("dockerfiles/own.Dockerfile.j2", asking)
    ran = own.run("plan").expect(2)
    assert "dockerfiles/own.Dockerfile.j2" in ran.stderr
    assert "network: host" in ran.stderr
    own.stages(own={**STAGE, "network": "host"})
    document = own.run("plan", "--json").expect(0).document
    assert {cell["network"] for cell in document["cells"]} == {"host"}


def test_what_only_docker_does_is_refused_by_the_sandbox_with_its_name(own: Project) -> None:
    own.write("dockerfiles/own.Dockerfile.j2", TEMPLATE.replace("ARG LEVEL", "ARG LEVEL\nUSER 7"))
    ran = own.run("run", "own", "--engine", "sandbox", **TOKEN).expect(2)
    assert "USER 7" in ran.stderr
    assert "--engine docker" in ran.stderr


def test_rendering_says_what_a_plain_build_takes(own: Project) -> None:
    commands = own.run("render", "own[1]", "--output", "out", "--json").expect(0).document
    command = commands["own[1]"]
    assert "--network none" in command
    assert "--build-arg LEVEL=1" in command
    assert "--secret id=token,env=MY_TOKEN" in command
