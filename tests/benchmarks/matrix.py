"""A repository whose wheel and test have many cells each, made for the benchmarks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.monorepo import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """\
version: 1
stages:
  sdist: {kind: sdist, image: python}
  wheel: {kind: wheel, image: python, needs: [sdist], matrix: MATRIX}
  test: {kind: test, image: python, needs: [wheel], run: python -c pass, matrix: MATRIX}
"""
MATRIX = "{target: [linux_x86_64, linux_arm64], level: [LEVELS]}"
IMAGE = """\
from: {debian: bookworm}
platforms: [linux_x86_64, linux_arm64]
packages: [python3, python3-venv, bash, coreutils]
"""


def make(root: Path, count: int) -> Path:
    """Make a git repository in which wheel and test have ``count`` cells each; return it."""
    (root / "images").mkdir(parents=True)
    levels = ", ".join(f"level-{number:03d}" for number in range(count // 2))
    matrix = MATRIX.replace("LEVELS", levels)
    (root / "pipeline.yaml").write_text(PIPELINE.replace("MATRIX", matrix))
    (root / "images" / "python.yaml").write_text(IMAGE)
    (root / "VERSION").write_text("1.0")
    (root / "pyproject.toml").write_text(PROJECT.replace("NAME", "many"))
    (root / "many.py").write_text('"""One module."""\n')
    subprocess.run(["git", "init", "--quiet", "."], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    return root
