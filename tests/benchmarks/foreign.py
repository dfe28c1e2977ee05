"""What a wheel for another platform costs: beside this machine's own, and beside an emulator."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.benchmarks.cases import ROOT, Row, against, do, environ, launcher
from tests.benchmarks.timing import Command, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SOURCE = "src/example_distance/_distance.c"
IMAGE = """\
from: {image: python-cp311}
platforms: [linux_x86_64, linux_arm64]
packages: [gcc, libc6-dev, python3-dev]
"""
PIPELINE = """\
version: 1
stages:
  wheel:
    kind: wheel
    image: compiler-{python}
    matrix: {target: [linux_x86_64, linux_arm64], python: [cp311, cp313]}
    repair: manylinux_2_17
  emulated:
    kind: wheel
    image: gcc
    matrix: {target: [linux_arm64]}
    strategy: emulate
    repair: manylinux_2_36
"""
X86_64, ARM64 = "wheel[linux_x86_64,cp311]", "wheel[linux_arm64,cp311]"
SLOWEST = "wheel[linux_arm64,cp313]"


def foreign(directory: Path, runs: int) -> list[Row]:
    """Measure wheels of the native example from its sources; images and zig's library are warm."""
    root = directory / "native"
    shutil.copytree(ROOT / "examples" / "native", root, ignore=shutil.ignore_patterns("dist"))
    (root / "images" / "gcc.yaml").write_text(IMAGE)
    (root / "pipeline.yaml").write_text(PIPELINE)
    subprocess.run(["git", "init", "--quiet", str(root)], env=environ(), check=True)
    subprocess.run(["git", "add", "."], cwd=root, env=environ(), check=True)
    do(launcher(root, "lock"))
    do(launcher(root, "run", "wheel", "emulated", "--quiet", "--draft"))
    own, other = side_by_side([_edited(root, X86_64), _edited(root, ARM64)], runs=runs)
    one, whole = side_by_side([_edited(root, SLOWEST), _edited(root, "wheel")], runs=runs)
    beside, emulated = side_by_side([_edited(root, ARM64), _edited(root, "emulated")], runs=runs)
    what = "wheel for arm64 by cross compiling, image warm, launcher included"
    return [
        against(what, other, "the same for x86-64", own, "1.5"),
        against("the same", beside, "emulated", emulated, "0.2"),
        against(
            "wheels for 2 platforms and 2 Pythons, `--jobs 2`", whole, "the slowest", one, "2.5"
        ),
    ]


def _edited(root: Path, selection: str) -> Command:
    """Return a run after an edit of the source, so that its wheels are built and nothing else."""
    source = root / SOURCE
    text = source.read_text()
    numbers = itertools.count(time.time_ns())  # no edit that any earlier measuring made

    def edit() -> None:
        source.write_text(f"{text}/* {selection} {next(numbers)} */\n")

    run = launcher(root, "run", selection, "--jobs", "2", "--quiet", "--draft")
    return Command(argv=run.argv, cwd=run.cwd, env=run.env, before=edit)


ALL: Mapping[str, Callable[[Path, int], list[Row]]] = {"foreign": foreign}
