"""The sides of a merge conflict in ``pipeline.lock``.

Git's index keeps them until the merge is concluded. A lock that was committed with the markers in
it has the sides in its text alone.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.checkout.worktree import is_repository
from pipeline.errors import LockError, UsageError
from pipeline.lock.decode import decode
from pipeline.lock.file import FILE, is_in_conflict
from pipeline.lock.types import Lock

if TYPE_CHECKING:
    from pathlib import Path

BASE, OURS, THEIRS = "1", "2", "3"
"""The stages of an unmerged path (git-ls-files(1))."""


def sides(root: Path) -> tuple[Lock, Lock, Lock]:
    """Return the common base of a conflict, empty where there is none, and its two sides.

    The base is empty as well where git's index does not know of the conflict and the markers do
    not show it. Raises UsageError when the lock is in no conflict, one side removed it, or a
    declaration is in conflict still; LockError for a side that cannot be read.
    """
    unmerged = _unmerged(root) if is_repository(root) else {}
    declarations = sorted(path for path in unmerged if _declares(path))
    if declarations:
        raise UsageError(
            f"`{declarations[0]}` is in conflict, and what it declares decides the lock",
            hint="resolve it first, and `git add` it",
        )
    if FILE not in unmerged:
        return _written(root)
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


def _written(root: Path) -> tuple[Lock, Lock, Lock]:
    """Return what the markers in the lock's text hold apart."""
    try:
        text = (root / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    base, ours, theirs = (_side(text, number) for number in range(3))
    if not is_in_conflict(text.encode()):
        raise UsageError(
            f"`{FILE}` is in no conflict", hint="run `pipeline lock` to bring it up to date"
        )
    known = base if "\n||||||| " in text else ""
    empty = Lock(epoch=0)
    return _decoded(known) if known else empty, _decoded(ours), _decoded(theirs)


def _side(text: str, number: int) -> str:
    """Return one of base, ours and theirs, by its number, with all that is in no conflict."""
    marks = {"<<<<<<<": OURS, "|||||||": BASE, "=======": THEIRS, ">>>>>>>": ""}
    side, lines = "", []
    for line in text.splitlines():
        if line[:7] in marks and line[7:8] in {"", " "}:
            side = marks[line[:7]]
        elif side in {"", str(number + 1)}:
            lines.append(line)
    return "\n".join(lines)


def _read(root: Path, blob: str) -> Lock:
    return _decoded(git.ask(root, "cat-file", "blob", blob))


def _decoded(text: str) -> Lock:
    try:
        return decode(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise LockError(
            f"a side of the conflict in `{FILE}` is malformed: {error}",
            hint="lock all anew with `pipeline lock --upgrade`",
        ) from error
