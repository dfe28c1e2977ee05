"""Real git repositories for the tests that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Repository:
    """A git work tree that a test fills."""

    root: Path

    def git(self, *command: str) -> str:
        """Run git there and return what it printed."""
        output: str = subprocess.run(
            ["git", *command],
            cwd=self.root,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        return output

    def write(self, path: str, text: str = "") -> None:
        """Write a file, directories included."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self, *paths: str) -> None:
        """Write empty files, then commit all that is there."""
        for path in paths:
            self.write(path)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "work")


@pytest.fixture
def git_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let git know of no configuration but ours, and of no repository it was not pointed at."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(git_identity: None, tmp_path: Path) -> Repository:  # noqa: ARG001 - it sets the scene
    """Return a fresh repository on branch ``main`` without a commit."""
    root = tmp_path / "work"
    root.mkdir()
    made = Repository(root)
    made.git("init", "-q")
    return made
