"""Our files in the index and the work tree: brought to what the release says, or back.

Only a file that is as it was expected moves; whatever a person has staged or written instead
stays. Files appear by rename, so that being killed leaves the old content or the new.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import commits, history
from pipeline.files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.checkout.history import Held
    from pipeline.release.journal import Touched


@dataclass(frozen=True, kw_only=True)
class Move:
    """A file on its way: what the index holds and is to hold, and the same of the work tree."""

    path: str
    staged: Held | None
    to_stage: Held | None
    there: Held | None
    to_be: Held | None


def forwards(files: Iterable[Touched]) -> tuple[Move, ...]:
    """Return the moves that follow the branch to the release."""
    return tuple(
        Move(
            path=one.path,
            staged=one.index,
            to_stage=one.after,
            there=one.after if one.kept else one.before,
            to_be=one.after,
        )
        for one in files
    )


def backwards(files: Iterable[Touched]) -> tuple[Move, ...]:
    """Return the moves that lead back to what was before."""
    return tuple(
        Move(
            path=one.path,
            staged=one.after,
            to_stage=one.index,
            there=one.after,
            to_be=one.after if one.kept else one.before,
        )
        for one in files
    )


def place(root: Path, moves: Sequence[Move]) -> None:
    """Make the moves that are still to be made; doing it again does the rest."""
    held = history.held_by_index(root, [move.path for move in moves])
    stale = {
        move.path: move.to_stage
        for move in moves
        if move.staged != move.to_stage and held.get(move.path) == move.staged
    }
    if stale:
        commits.set_index(root, stale)
    for move in moves:
        _place(root, move)
    commits.refresh(root)


def _place(root: Path, move: Move) -> None:
    """Write or remove one file, where the work tree has what was expected, or nothing."""
    path = root / move.path
    found = _blobs(root, move.path)
    if move.there == move.to_be or (found and not (move.there and move.there.blob in found)):
        return
    if move.to_be is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    usual = 0o755 if move.to_be.mode == "100755" else 0o644
    mode = stat.S_IMODE(path.stat().st_mode) if found else usual
    atomic_write(path, history.content(root, move.path, move.to_be.blob), mode=mode)


def _blobs(root: Path, path: str) -> set[str]:
    """Return what git may keep of a file; empty for none, a word that is no blob for a link.

    That is what attributes and filters make of it, or the bytes as they are: git leaves the line
    ends of a file alone where its index has CRLF already, whatever `core.autocrlf` says.
    """
    full = root / path
    if full.is_symlink() or full.is_dir():
        return {"no file"}
    if not full.exists():
        return set()
    data = full.read_bytes()
    return {history.blob_of(root, data, path=path), history.blob_of(root, data)}
