"""The checkout passes linter, formatter and type checker, and git tracks nothing that was built."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def passes(root: Path, tool: str, *arguments: str) -> None:
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed here; `./pipelinew exec pytest` has it")
    found = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=root,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert found.returncode == 0, found.stdout


def test_nothing_that_is_ignored_is_tracked(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    if not (root / ".git").exists():
        pytest.skip("this is no git checkout")
    command = ["git", "ls-files", "--ignored", "--cached", "--exclude-standard"]
    found = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert found.stdout == ""


def test_the_linter_has_nothing_to_say(pytestconfig: pytest.Config) -> None:
    passes(pytestconfig.rootpath, "ruff", "check", ".")


def test_everything_is_formatted(pytestconfig: pytest.Config) -> None:
    passes(pytestconfig.rootpath, "ruff", "format", "--check", ".")


@pytest.mark.slow
def test_types_are_right(pytestconfig: pytest.Config) -> None:
    passes(pytestconfig.rootpath, "mypy")
