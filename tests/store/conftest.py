"""Runs of a store in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(pipeline.__file__).parent.parent


class Start(Protocol):
    """Starts ``busy_run.py`` and returns once it works."""

    def __call__(self, root: Path, *, seed: int, rounds: int) -> subprocess.Popen[str]: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as running:

        def begin(root: Path, *, seed: int, rounds: int) -> subprocess.Popen[str]:
            script = Path(__file__).with_name("busy_run.py")
            own = tmp_path / f"own{seed}"
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, str(script), str(root), str(own), str(seed), str(rounds)],
                    env={**os.environ, "PYTHONPATH": str(PACKAGE)},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            running.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            return process

        yield begin
