"""The engine `buildkit` on two real daemons, one of which goes away in the middle of a run."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.e2e.build_nodes import NAME, Pair, compiled, missing, pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

BUILDKIT = ("--engine", "buildkit", "--builder", NAME)


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> Path:
    """Return buildkitd, compiled into pytest's cache."""
    if lacking := missing():
        pytest.skip(f"BuildKit's daemons cannot be run: {lacking}")
    assert pytestconfig.cache is not None
    return compiled(pytestconfig.cache.mkdir("buildkitd"))


@pytest.fixture
def nodes(program: Path, tmp_path: Path) -> Iterator[Pair]:
    with pair(program, tmp_path / "nodes") as running:
        yield running


@pytest.fixture
def project(steps: Project, nodes: Pair) -> Project:
    """Return a repository whose runs find the builder."""
    return replace(steps, environ=nodes.environ)


def cells(document: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {cell["cell"]: cell["status"] for cell in document["cells"]}


def test_a_run_goes_through_a_builder_and_makes_what_the_sandbox_makes(
    project: Project, nodes: Pair
) -> None:
    project.stages(made={"run": "cat data.txt > /out/made; uname -n >> /out/made"})
    there = project.run("run", "made", "--json", *BUILDKIT, "--rebuild").expect(0)
    here = project.run("run", "made", "--json", "--engine", "sandbox", "--rebuild").expect(0)
    assert there.document["engine"] == "buildkit"
    assert there.digests == here.digests
    assert (nodes.one.directory / "state" / "runc-overlayfs").is_dir()


def test_the_builder_may_be_named_by_the_environment_or_the_file(project: Project) -> None:
    project.stages(made={"run": f"echo {os.urandom(8).hex()} > /out/made"})
    named = {"PIPELINE_ENGINE": "buildkit", "PIPELINE_BUILDER": NAME}
    assert project.run("run", "made", "--json", **named).expect(0).document["engine"] == "buildkit"
    text = (project.root / "pipeline.yaml").read_text()
    project.write(
        "pipeline.yaml", f"{text}engine: buildkit\nengines: {{buildkit: {{builder: away}}}}\n"
    )
    refused = project.run("run", "made", "--rebuild").expect(6)
    assert "there is no builder `away`" in refused.stderr
    assert f"`{NAME}`" in refused.stderr


def test_a_node_that_goes_away_ends_the_run_clearly_and_costs_nothing_that_was_done(
    project: Project, nodes: Pair
) -> None:
    project.stages(
        first={"run": "cat /proc/sys/kernel/random/uuid > /out/first"},
        second={"run": "sleep 6; echo done > /out/second", "needs": ["first"]},
    )
    state = nodes.one.directory / "state"

    def kill_in_second() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and not project.processes("sleep 6"):
            time.sleep(0.05)
        nodes.one.kill()

    killer = threading.Thread(target=kill_in_second)
    killer.start()
    ended = project.run("run", "second", "--json", *BUILDKIT)
    killer.join()
    ended.expect(6)
    assert cells(ended.document) == {"first": "built", "second": "failed"}
    assert f"a node of the builder `{NAME}` does not answer: `one`" in ended.stderr
    assert "hint: bring it back, or take it out" in ended.stderr

    assert state.is_dir()
    nodes.one.start()
    again = project.run("run", "second", "--json", *BUILDKIT).expect(0)
    assert cells(again.document) == {"first": "cached", "second": "built"}
    assert project.leftovers == []


def test_without_its_node_a_builder_finishes_on_the_other(project: Project, nodes: Pair) -> None:
    nodes.one.kill()
    nodes.buildx("create", "--leave", "--name", NAME, "--node", "one")
    create = ("create", "--append", "--name", NAME, "--driver", "remote", "--node", "two")
    nodes.buildx(*create, "--platform", "linux/amd64,linux/arm64", nodes.two.address)
    project.stages(made={"run": f"echo {os.urandom(8).hex()} > /out/made"})
    project.run("run", "made", *BUILDKIT).expect(0)
    assert (nodes.two.directory / "state" / "runc-overlayfs").is_dir()


def test_a_builder_whose_nodes_are_all_away_is_told_before_anything_is_sent(
    project: Project, nodes: Pair
) -> None:
    nodes.one.kill()
    nodes.two.kill()
    project.stages(made={"run": f"echo {os.urandom(8).hex()} > /out/made"})
    ended = project.run("run", "made", *BUILDKIT).expect(6)
    assert f"no node of the builder `{NAME}` answers" in ended.stderr
