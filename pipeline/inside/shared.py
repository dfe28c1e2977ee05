"""What the scripts share: refusing in sentences, finding the wheel, running modules of `/env`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


SAFE_PATH_SINCE = (3, 11)
RUN_MODULE = (
    "import sys; sys.path.remove(''); del sys.argv[0]; import runpy; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
"""What ``-P -m`` does, for a Python that has no ``-P``; ``-I`` would drop the hash seed as well."""


def module_command(python: str, version: tuple[int, int], name: str) -> tuple[str, ...]:
    """Return the command that runs a module, without the working directory on the module path.

    ``python -m`` puts it first. That is where the source lies, whose `types.py`, `json.py` or
    `build.py` would be taken for the modules that are called so.
    """
    if version >= SAFE_PATH_SINCE:
        return (python, "-P", "-m", name)
    return (python, "-c", RUN_MODULE, name)


class RefusedError(Exception):
    """A wheel that must not go on: a sentence for each reason, and what to do about them."""

    def __init__(self, *sentences: str, hint: str = "") -> None:
        super().__init__(*sentences)
        self.sentences = sentences
        self.hint = hint


def run(script: Callable[[Sequence[str]], None]) -> int:
    """Run a script with the words of the command line and return its exit status."""
    try:
        script(sys.argv[1:])
    except RefusedError as refused:
        lines = [f"error: {sentence}" for sentence in refused.sentences]
        lines += [f"hint: {refused.hint}"] if refused.hint else []
        sys.stderr.write("\n".join([*lines, ""]))
        return 1
    return 0


def one_wheel(directory: Path) -> Path:
    """Return the only wheel in a directory; RefusedError when there is none, or more."""
    found = sorted(directory.glob("*.whl"))
    if len(found) != 1:
        names = ", ".join(f"`{wheel.name}`" for wheel in found) or "nothing"
        raise RefusedError(f"the build should have left one wheel, and it left {names}")
    return found[0]
