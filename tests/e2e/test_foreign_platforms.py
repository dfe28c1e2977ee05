"""Cells for linux/arm64 on a machine of another kind, where its kernel has an emulator."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.emulation import REGISTRATIONS, runs
from pipeline.platforms import native_platform
from tests.e2e.conftest import Project, commit

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = {"linux/amd64": ("linux_arm64", "aarch64"), "linux/arm64": ("linux_x86_64", "x86_64")}

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]


@pytest.fixture
def machine(tool: Path, shared: Path, tmp_path: Path) -> Project:
    """Return a repository whose image is locked for both targets, with a stage for the other."""
    root = tmp_path / "machine"
    (root / "images").mkdir(parents=True)
    shutil.copy(tool / "images" / "python.yaml", root / "images")
    shutil.copy(tool / "pipeline.lock", root)
    commit(root)
    project = Project(tool, root, shared)
    project.edit_lock(lambda lock: lock.update(stages={}, environments={}))
    command = f"uname -m > /out/machine; python3 -c pass; echo {os.urandom(8).hex()}"
    project.stages(machine={"matrix": {"target": [_target()]}, "run": command})
    return project


def _target() -> str:
    return FOREIGN[native_platform()][0]


def needs_emulator(tmp_path: Path) -> None:
    """Skip a test of the other platform where nothing of it can run."""
    target, _ = FOREIGN[native_platform()]
    platform = {"linux_arm64": "linux/arm64", "linux_x86_64": "linux/amd64"}[target]
    place = tmp_path / "trial"
    place.mkdir()
    if not runs(platform, place):
        pytest.skip(f"no emulator for {platform} is registered in {REGISTRATIONS}")


@pytest.mark.parametrize(
    "engine", ["sandbox", pytest.param("docker", marks=pytest.mark.docker), "auto"]
)
def test_a_step_sees_the_machine_that_it_is_for(
    machine: Project, engine: str, tmp_path: Path
) -> None:
    needs_emulator(tmp_path)
    dist = tmp_path / "dist"
    machine.run("run", "machine", "--engine", engine, "--rebuild", "--dist", str(dist)).expect(0)
    assert (dist / "machine").read_text().strip() == FOREIGN[native_platform()][1]
