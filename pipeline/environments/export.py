"""Environments at stable paths: what IDEs are pointed to, once and for all.

`.pipeline/venvs/NAME` in the checkout is a link to the environment in the store that the lock of
the moment asks for. So the path stays when the lock moves, and going back to a branch whose
environment is still in the store changes one link.

The store knows these links (`exported/`, a link to each), so that pruning spares what an editor
uses without asking us.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from pipeline.config.paths import escape
from pipeline.errors import UsageError
from pipeline.files import sibling

FOLDER = Path(".pipeline") / "venvs"
IGNORE = "*\n"
REGISTER = "exported"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Literal

    State = Literal["made", "moved", "as it was", "removed"]


class Exported:
    """An environment that is or was at its place; ``path`` is relative to the repository."""

    def __init__(self, *, name: str, path: Path, target: Path, state: State) -> None:
        self.name = name
        self.path = path
        self.target = target
        self.state = state


def export(name: str, environment: Path, root: Path, store: Path) -> Exported:
    """Let ``.pipeline/venvs/NAME`` below ``root`` lead to an environment of the store.

    ``store`` is the store's directory. Raises UsageError where something else stands there.
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
    _register(place, store)
    return Exported(name=name, path=path, target=environment, state=state)


def sweep(root: Path, store: Path, kept: Container[str]) -> list[Exported]:
    """Remove the links below ``root`` into the store whose names are not among ``kept``.

    So no editor goes on with what another branch had under a name that this one does not know. The
    environments stay in the store, and so does all that is no link of `export`.
    """
    folder = root / FOLDER
    if escape(root, FOLDER.as_posix()) or not folder.is_dir():
        return []
    found = []
    for place in sorted(folder.iterdir()):
        if place.name in kept or not place.is_symlink():
            continue
        target = Path(os.readlink(place))
        if target.is_relative_to(store):
            place.unlink(missing_ok=True)
            path = FOLDER / place.name
            found.append(Exported(name=place.name, path=path, target=target, state="removed"))
    return found


def in_use(store: Path) -> frozenset[str]:
    """Return the keys of environments that links of `export` lead to, of any checkout.

    Forgets links that are gone, or that another store has taken over.
    """
    found = set()
    for known in (store / REGISTER).glob("*"):
        place = Path(os.readlink(known))
        if place.is_symlink() and (target := Path(os.readlink(place))).is_relative_to(store):
            found.add(target.name)
        else:
            known.unlink(missing_ok=True)
    return frozenset(found)


def _register(place: Path, store: Path) -> None:
    # Of two places with one name the later counts, and the other again once it is exported anew.
    known = store / REGISTER / f"{zlib.crc32(os.fsencode(place)):08x}"
    if known.is_symlink() and os.readlink(known) == str(place):
        return
    known.parent.mkdir(mode=0o700, exist_ok=True)
    known.unlink(missing_ok=True)
    known.symlink_to(place)


def _folder(root: Path) -> None:
    """Make the folder, which hides itself from git."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    ignore = root / FOLDER.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORE)
