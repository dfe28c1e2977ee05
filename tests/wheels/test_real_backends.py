"""Real backends' archives become the same bytes whatever umask, clock, path and user built them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.process import check
from pipeline.wheels.audit import audit
from pipeline.wheels.compare import compare
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

EPOCH = 1_700_000_001
PYPROJECT = """\
[build-system]
requires = ["{backend}"]
build-backend = "{module}"

[project]
name = "Some.Thing"
version = "1.0"
description = "A thing"

[tool.flit.module]
name = "some_thing"
"""
BACKENDS = [
    pytest.param("hatchling", "hatchling.build", "wheel", id="hatchling-wheel"),
    pytest.param("hatchling", "hatchling.build", "sdist", id="hatchling-sdist"),
    pytest.param("setuptools", "setuptools.build_meta", "sdist", id="setuptools-sdist"),
    pytest.param("flit_core", "flit_core.buildapi", "wheel", id="flit-wheel"),
    pytest.param("flit_core", "flit_core.buildapi", "sdist", id="flit-sdist"),
]


def project(directory: Path, backend: str, module: str, time: int) -> Path:
    """Write a project whose files have modification times of their own."""
    package = directory / "some_thing"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A thing."""\n')
    (package / "more.py").write_text("x = 1\n" * 40)
    (directory / "pyproject.toml").write_text(PYPROJECT.format(backend=backend, module=module))
    for path in directory.rglob("*"):
        os.utime(path, (time, time))
    return directory


def build(directory: Path, module: str, kind: str, umask: int) -> Path:
    """Call the backend's hook as a frontend would, in a process of its own."""
    out = directory.parent / f"{directory.name}-out"
    out.mkdir()
    script = (
        f"import os, sys, {module} as backend\n"
        f"os.umask({umask})\n"
        f"backend.build_{kind}(sys.argv[1])\n"
    )
    env = {"PATH": os.environ["PATH"], "TZ": "Asia/Kathmandu" if umask else "UTC"}
    check([sys.executable, "-c", script, str(out)], env=env, cwd=directory)
    return next(out.iterdir())


@pytest.mark.parametrize(("backend", "module", "kind"), BACKENDS)
def test_two_builds_become_the_same_bytes(
    tmp_path: Path, backend: str, module: str, kind: str
) -> None:
    pytest.importorskip(backend, reason=f"`{backend}` is not installed here")
    results = []
    for name, time, umask in (("a", 1_600_000_000, 0o022), ("other/b", 1_650_000_003, 0o077)):
        built = build(project(tmp_path / name, backend, module, time), module, kind, umask)
        results.append(normalise(built, tmp_path / name / "normal", epoch=EPOCH))
    assert compare(results[0], results[1]) == ()
    assert results[0].read_bytes() == results[1].read_bytes()
    assert audit(results[0]).errors == ()
