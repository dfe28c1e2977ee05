"""Sourcing an environment: under the path it is known by, and back to how it was."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.environments.activating import ACTIVATE, PATH

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = 'echo "$PATH|${VIRTUAL_ENV-none}|$PS1|${PYTHONHOME-none}"'
BEFORE = {"PATH": "/usr/bin:/bin", "PYTHONHOME": "/home of python"}


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Return a link to an environment, as `export` leaves it."""
    environment = tmp_path / "in the cache"
    (environment / PATH).parent.mkdir(parents=True)
    (environment / PATH).write_text(ACTIVATE)
    link = tmp_path / "my venvs" / "dev"
    link.parent.mkdir()
    link.symlink_to(environment)
    return link


def sourced(link: Path, script: str, program: str = "bash") -> subprocess.CompletedProcess[str]:
    words = [program, "-uc", f"PS1='$ '\n{script}"]
    return subprocess.run(
        words, cwd=link.parent, env=BEFORE, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("how", ["dev/bin/activate", "./dev/bin/../bin/activate"])
def test_an_environment_is_known_by_its_stable_path(link: Path, how: str) -> None:
    done = sourced(link, f". {how}\n{SHOWN}")
    path = f"{link}/bin:/usr/bin:/bin"
    assert done.stdout == f"{path}|{link}|(dev) $ |none\n", done.stderr


def test_deactivating_brings_everything_back(link: Path) -> None:
    done = sourced(link, f". dev/bin/activate\n. dev/bin/activate\ndeactivate\n{SHOWN}")
    assert done.stdout == "/usr/bin:/bin|none|$ |/home of python\n", done.stderr


def test_another_shell_is_told_and_nothing_changed(link: Path) -> None:
    done = sourced(link, f". dev/bin/activate || {SHOWN}", program="sh")
    if "BASH" in sourced(link, "set", program="sh").stdout:
        pytest.skip("`sh` is bash here")
    assert "bash and zsh only" in done.stderr
    assert done.stdout == "/usr/bin:/bin|none|$ |/home of python\n"
