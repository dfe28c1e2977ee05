"""Environments at stable paths: what IDEs are pointed to, once and for all.

`.pipeline/venvs/NAME` in the checkout is a link to the environment in the store that the lock of
the moment asks for. So the path stays when the lock moves, and going back to a branch whose
environment is still in the store changes one link.
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.config.paths import escape
from pipeline.errors import UsageError
from pipeline.files import sibling

FOLDER = Path(".pipeline") / "venvs"
IGNORE = "*\n"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    State = Literal["made", "moved", "as it was"]


class Exported:
    """An environment at its place. ``path`` is relative to the repository."""

    def __init__(self, *, name: str, path: Path, target: Path, state: State) -> None:
        self.name = name
        self.path = path
        self.target = target
        self.state = state


def export(name: str, environment: Path, root: Path) -> Exported:
    """Let ``.pipeline/venvs/NAME`` below ``root`` lead to an environment of the store.

    Raises UsageError where something else stands there.
    """
    path = FOLDER / name
    place = root / path
    if reason := escape(root, FOLDER.as_posix()):
        raise UsageError(f"`{FOLDER}` {reason}, so no environment can be put there")
    if not place.is_symlink() and place.exists():
        raise UsageError(
            f"`{path}` is no link of ours, and is not overwritten",
            hint="move it away, and export again",
        )
    state: State = "moved" if place.is_symlink() else "made"
    if place.is_symlink() and Path(os.readlink(place)) == environment:
        state = "as it was"
    else:
        _folder(root)
        temporary = sibling(place)
        temporary.symlink_to(environment)
        temporary.rename(place)
    return Exported(name=name, path=path, target=environment, state=state)


def _folder(root: Path) -> None:
    """Make the folder, which hides itself from git."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    ignore = root / FOLDER.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORE)
