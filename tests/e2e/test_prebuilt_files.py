"""Prebuilt programs in wheels for each platform, from the example `payload`."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, copy_tracked, link_store, machine_settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]

HERE = Target.native()
PLACE = "example_payload/machine"


@pytest.fixture(scope="module")
def built(tool: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the example with the wheels of both platforms in ``dist``, tested on this one."""
    base = tmp_path_factory.mktemp("payload")
    copy_tracked(tool / "examples" / "payload", base / "payload")
    commit(base / "payload")
    project = Project(tool, base / "payload", base / "store", machine_settings())
    project.run("run", "wheel", f"test[{HERE.value}]", "--quiet").expect(0)
    return project


@pytest.fixture
def payload(built: Project, tmp_path: Path) -> Project:
    """Return a copy of the example to change, with all that was made before at hand."""
    link_store(built.cache, tmp_path / "store", "blobs", "derived", "results")
    copy_tracked(built.root, tmp_path / "payload")
    commit(tmp_path / "payload")
    return Project(built.tool, tmp_path / "payload", tmp_path / "store", {})


def test_each_wheel_has_the_program_of_its_platform(built: Project) -> None:
    wheels = sorted((built.root / "dist").glob("*.whl"))
    assert len(wheels) == len(Target)
    for wheel in wheels:
        machine = wheel.name.removesuffix(".whl").rpartition("linux_")[2]
        with zipfile.ZipFile(wheel) as archive:
            assert archive.read(PLACE) == (built.root / "bin" / f"machine.{machine}").read_bytes()
            assert archive.getinfo(PLACE).external_attr >> 16 & 0o777 == 0o755
            assert not [name for name in archive.namelist() if name.startswith("bin/")]


def test_an_audit_of_the_wheels_finds_nothing(built: Project) -> None:
    wheels = sorted(str(path) for path in (built.root / "dist").glob("*.whl"))
    found = json.loads(built.run("audit", *wheels, "--json").expect(0).stdout)["files"]
    assert [file["findings"] for file in found] == [[] for _ in Target]
    assert {tag for file in found for tag in file["tags"]} == {
        f"py3-none-linux_{target.machine}" for target in Target
    }


def test_a_program_for_the_other_machine_is_refused(payload: Project) -> None:
    text = (payload.root / "pipeline.yaml").read_text()
    swapped = text.replace("machine.x86_64 as", "machine.aarch64 as")
    payload.write("pipeline.yaml", swapped)
    told = payload.run("run", "wheel[linux_x86_64]", "--offline").expect(1).stderr
    assert (
        "error: `bin/machine.aarch64` is compiled for aarch64, but `resources` puts it into the "
        "wheel for `linux_x86_64`"
    ) in told


def test_a_program_that_the_sdist_lacks_is_told(payload: Project) -> None:
    text = (payload.root / "pipeline.yaml").read_text()
    payload.write("pipeline.yaml", text.replace("bin/machine.x86_64 as", "bin/absent as"))
    told = payload.run("run", "wheel[linux_x86_64]", "--offline").expect(1).stderr
    assert "error: `bin/absent` of `resources` is not in the source" in told
    assert "hint: a wheel made from an sdist sees only what the sdist holds" in told


def test_a_variant_is_installed_under_its_own_name(payload: Project, tmp_path: Path) -> None:
    text = (payload.root / "pipeline.yaml").read_text()
    text = text.replace("    resources:", "    variant: {cuda: '13.0'}\n    resources:")
    payload.write("pipeline.yaml", text)
    cells = ["wheel[linux_x86_64]", f"test[{HERE.value}]"]
    dist = tmp_path / "dist"
    payload.run("run", *cells, "--offline", "--quiet", "--dist", str(dist)).expect(0)
    (wheel,) = dist.glob("*_x86_64.whl")
    assert wheel.name == "example_payload_cuda13-1.0.0-py3-none-linux_x86_64.whl"
