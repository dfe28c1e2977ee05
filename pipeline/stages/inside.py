"""The programs of `pipeline.inside`, as a context of a step."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import inside
from pipeline.inside.shared import module_command
from pipeline.plan.recipe import FilesInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.stages.container import Situation

CONTEXT = "inside"
PLACE = "/inside"
PYTHON = "/env/bin/python"
STARTER = "__main__"

_IMPORT = re.compile(r"^ *from pipeline\.inside\.(\w+) import ", re.MULTILINE)


@cache
def scripts(*names: str) -> FilesInput:
    """Return modules of `pipeline.inside` by their names, as one input.

    What they import of each other comes with them under its full name: Python looks beside a
    script first, and finds a package `pipeline` there that holds nothing else.
    """
    files = {f"{name}.py": _text(name) for name in names}
    parts: set[str] = set()
    open_ = {*names}
    while open_:
        found = {part for name in open_ for part in _IMPORT.findall(_text(name))}
        open_ = found - parts
        parts |= found
    if parts:
        files |= {"pipeline/__init__.py": "", "pipeline/inside/__init__.py": ""}
        files |= {f"pipeline/inside/{part}.py": _text(part) for part in parts}
    return FilesInput(files=tuple(sorted(files.items())))


def _text(name: str) -> str:
    return (Path(inside.__file__).parent / f"{name}.py").read_text()


def command(script: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of them with the Python of ``/env``."""
    return (PYTHON, PLACE, script, *arguments)


def used(commands: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of the scripts that commands run, and of what starts them; none for none."""
    pairs = (pair for words in commands for pair in pairwise(words))
    names = {script for place, script in pairs if place == PLACE}
    return (STARTER, *sorted(names)) if names else ()


def module(situation: Situation, name: str) -> tuple[str, ...]:
    """Return the command that runs a module of ``/env``, whatever lies in the source."""
    major, minor = situation.platform.python.split(".")
    return module_command(PYTHON, (int(major), int(minor)), name)
