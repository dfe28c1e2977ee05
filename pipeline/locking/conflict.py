"""The sides of a merge conflict in ``pipeline.lock``, as git's index keeps them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.checkout.worktree import is_repository
from pipeline.errors import LockError, UsageError
from pipeline.lock.decode import decode
from pipeline.lock.file import FILE
from pipeline.lock.types import Lock

if TYPE_CHECKING:
    from pathlib import Path

BASE, OURS, THEIRS = "1", "2", "3"
"""The stages of an unmerged path (git-ls-files(1))."""


def sides(root: Path) -> tuple[Lock, Lock, Lock]:
    """Return the common base of a conflict, empty where there is none, and its two sides.

    Raises UsageError when the lock is in no conflict, one side removed it, or a declaration is in
    conflict still; LockError for a side that cannot be read.
    """
    unmerged = _unmerged(root) if is_repository(root) else {}
    if FILE not in unmerged:
        raise UsageError(
            f"`{FILE}` is in no conflict", hint="run `pipeline lock` to bring it up to date"
        )
    declarations = sorted(path for path in unmerged if _declares(path))
    if declarations:
        raise UsageError(
            f"`{declarations[0]}` is in conflict, and what it declares decides the lock",
            hint="resolve it first, and `git add` it",
        )
    found = unmerged[FILE]
    if not {OURS, THEIRS} <= found.keys():
        raise UsageError(
            f"one side of the merge removed `{FILE}`, so there is nothing to merge",
            hint="run `pipeline lock --upgrade`, or `git rm` it",
        )
    base = _read(root, found[BASE]) if BASE in found else Lock(epoch=0)
    return base, _read(root, found[OURS]), _read(root, found[THEIRS])


def _unmerged(root: Path) -> dict[str, dict[str, str]]:
    """Return the blobs of every path in conflict, by path and stage; paths start at ``root``."""
    found: dict[str, dict[str, str]] = {}
    for row in git.rows(git.ask(root, *git.LIST, "--unmerged", "--", ".")):
        facts, _, path = row.partition("\t")
        _, blob, stage = facts.split()
        found.setdefault(path, {})[stage] = blob
    return found


def _declares(path: str) -> bool:
    place = PurePosixPath(path)
    image = place.parent.name == "images" and place.suffix == ".yaml"
    return place.name in {"pipeline.yaml", "pyproject.toml"} or image


def _read(root: Path, blob: str) -> Lock:
    try:
        return decode(git.ask(root, "cat-file", "blob", blob).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise LockError(
            f"a side of the conflict in `{FILE}` is malformed: {error}",
            hint="lock all anew with `pipeline lock --upgrade`",
        ) from error
