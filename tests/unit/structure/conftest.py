"""The files of the checkout: what git knows of, or in an unpacked sdist all there is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SKIPPED = {".git", "__pycache__", "dist", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def _known(root: Path) -> list[Path]:
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
        return [root / name for name in listed.stdout.split("\0") if name]
    found = []
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in SKIPPED]
        found += [Path(directory, file) for file in files]
    return found


@pytest.fixture(scope="session")
def checkout(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def files(checkout: Path) -> list[Path]:
    return sorted(path for path in _known(checkout) if path.is_file() and not path.is_symlink())
