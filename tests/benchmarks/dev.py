"""What working in an image costs: from the command to a shell there, and out again."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.cases import ROOT, Row, against, bare, do, environ, launcher
from tests.benchmarks.timing import Command, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NOTHING = ("--", "sh", "-c", ":")


def working(directory: Path, runs: int) -> list[Row]:
    """Measure a shell that does nothing in the image of the pure example's tests, image warm."""
    root = directory / "pure"
    shutil.copytree(ROOT / "examples" / "pure", root, ignore=shutil.ignore_patterns("dist"))
    subprocess.run(["git", "init", "--quiet", str(root)], env=environ(), check=True)
    commands: list[Command] = [launcher(root, "dev", *NOTHING), bare(directory)]
    do(commands[0])
    entered, python = side_by_side(commands, runs=2 * runs)
    what = "`./pipelinew dev` to a shell in the sandbox and out again, image warm"
    return [against(what, entered, "bare Python", python, "0.3 s")]


ALL: Mapping[str, Callable[[Path, int], list[Row]]] = {"working": working}
