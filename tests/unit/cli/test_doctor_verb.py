"""What `pipeline doctor` says of git, and how its words fit a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.checks import Check
from pipeline.cli.doctor import _git, _lines
from pipeline.cli.main import load
from pipeline.cli.session import Session
from pipeline.console import Console

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = [
    Check(what="git", state="works", found="/usr/bin/git, 2.39.5"),
    Check(
        what="emulation",
        state="limited",
        found="programs for `linux/arm64` do not run, as nothing is registered to start them",
        hint="install `qemu-user-static`, or see https://example.org/a/very/long/address/that/is/one",
    ),
]


def git_found(directory: Path, script: str) -> Check:
    """Return what is said of a git that is this script."""
    if script:
        file = directory / "git"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    arguments = load("doctor")[1].parse_all([])
    environ = {"PATH": str(directory)}
    with Session(arguments, Console(io.StringIO(), {}), environ, directory) as session:
        return _git(session)


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("echo git version 2.28.1", "limited"),
        ("echo git version 2.29.0", "works"),
        ("echo 'git version 2.39.5 (Apple Git-154)'", "works"),
        ("echo git version 10.0.GIT", "works"),
        ("exit 1", "limited"),
        ("", "limited"),
    ],
)
def test_git_is_held_against_the_oldest_that_can_do_all(
    tmp_path: Path, script: str, state: str
) -> None:
    found = git_found(tmp_path, script)
    assert found.state == state
    assert bool(found.hint) == (state == "limited")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_lines_fit_a_terminal_and_break_at_words(width: int) -> None:
    lines = _lines(CHECKS, width)
    words = " ".join(lines).split()
    assert all(len(line) <= width or line.split()[-1].startswith("https:") for line in lines)
    everything = " ".join(_lines(CHECKS, 0)).split()
    assert words == everything


def test_without_a_terminal_each_check_is_one_line() -> None:
    lines = _lines(CHECKS, 0)
    assert lines[0].split() == ["what", "state", "found"]
    assert lines[2] == f"emulation  limited  {CHECKS[1].found}"
    assert lines[3:] == ["", f"emulation: {CHECKS[1].hint}"]
