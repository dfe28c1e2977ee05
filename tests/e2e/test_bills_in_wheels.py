"""The bill in a wheel of a C extension: what the compiler linked into it."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Project, commit, copy_tracked, link_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]


@pytest.fixture
def extension(tool: Path, fetched: Callable[[str], Path], tmp_path: Path) -> Project:
    """Return the example `third-party` with its downloads; it has C extensions to build."""
    link_store(fetched("third-party"), tmp_path / "store", "blobs")
    copy_tracked(tool / "examples" / "third-party", tmp_path / "third-party")
    commit(tmp_path / "third-party")
    return Project(tool, tmp_path / "third-party", tmp_path / "store", {})


def built(project: Project) -> Path:
    """Build the wheel and return it."""
    dist = project.root.parent / "dist"
    project.run("run", "markupsafe", "--offline", "--dist", str(dist)).expect(0)
    (wheel,) = dist.glob("*.whl")
    return wheel


def bill_of(wheel: Path) -> list[str]:
    """Return the names of what a wheel's bill lists."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if "/sboms/" in name]
        return [part["name"] for part in json.loads(archive.read(name))["components"]]


def test_a_compiled_wheel_names_what_the_compiler_linked_in(extension: Project) -> None:
    wheel = built(extension)
    assert bill_of(wheel) == ["libc6-dev", "libgcc-12-dev"]


def test_a_stage_can_do_without(extension: Project) -> None:
    text = (extension.root / "pipeline.yaml").read_text()
    bare = text.replace("source: markupsafe", "sbom: none\n    source: markupsafe")
    extension.write("pipeline.yaml", bare)
    wheel = built(extension)
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if "/sboms/" in name]
