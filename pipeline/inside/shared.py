"""What the scripts share: to refuse in sentences, and to find the wheel they are about."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


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
