"""The programs of `pipeline.inside`, as a context of a step."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pipeline import inside
from pipeline.plan.recipe import FilesInput

CONTEXT = "inside"
PLACE = "/inside"
PYTHON = "/env/bin/python"


@cache
def scripts(*names: str) -> FilesInput:
    """Return modules of `pipeline.inside` by their names, as one input."""
    directory = Path(inside.__file__).parent
    files = sorted(f"{name}.py" for name in names)
    return FilesInput(files=tuple((name, (directory / name).read_text()) for name in files))


def command(script: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of them with the Python of ``/env``."""
    return (PYTHON, f"{PLACE}/{script}.py", *arguments)
