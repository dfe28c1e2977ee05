"""A repository of many small pure packages, made for the benchmarks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """\
version: 1
stages:
  sdist: {kind: sdist, image: python, matrix: {source: "packages/*"}}
  wheel: {kind: wheel, image: python, needs: [sdist], matrix: {source: "packages/*"}}
"""
IMAGE = """\
from: {debian: bookworm}
platforms: [TARGET]
packages: [python3, python3-venv]
"""
PROJECT = """\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "NAME"
version = "1.0"
description = "one of many"
"""


def make(root: Path, count: int, target: str) -> Path:
    """Make a git repository of ``count`` packages with four modules each; return it."""
    (root / "images").mkdir(parents=True)
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "VERSION").write_text("1.0")
    (root / "images" / "python.yaml").write_text(IMAGE.replace("TARGET", target))
    for number in range(count):
        name = f"package_{number:03d}"
        package = root / "packages" / name / name
        package.mkdir(parents=True)
        (package.parent / "pyproject.toml").write_text(PROJECT.replace("NAME", name))
        (package / "__init__.py").write_text('"""One of many."""\n')
        for module in ("one", "two", "three"):
            (package / f"{module}.py").write_text(f"VALUE = {number}\n" * 20)
    subprocess.run(["git", "init", "--quiet", "."], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    return root
