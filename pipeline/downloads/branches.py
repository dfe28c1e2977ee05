"""The locks of a repository's branches, read from git without checking anything out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.checkout.git import ask
from pipeline.errors import LockError, UsageError
from pipeline.lock.decode import decode
from pipeline.lock.file import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.lock.types import Lock


def branch_locks(root: Path, globs: Sequence[str]) -> dict[str, Lock]:
    """Return the lock of each branch, here or on a remote, that one of the globs means.

    A branch without a lock is left out. Raises UsageError when there is no such branch at all, and
    LockError for a lock that cannot be read: what it names would be taken for unused.
    """
    refs = [ref for ref in _refs(root) if any(fnmatchcase(_name(ref), glob) for glob in globs)]
    if not refs:
        raise UsageError(
            f"no branch is called {' or '.join(f'`{glob}`' for glob in globs)}",
            hint="name the branches whose packages have to stay, such as `--branches main`",
        )
    return {ref: lock for ref in refs if (lock := _lock(root, ref))}


def _refs(root: Path) -> list[str]:
    words = ("for-each-ref", "--format=%(refname)%00%(symref)", "refs/heads", "refs/remotes")
    lines = ask(root, *words).splitlines()
    return [line.partition("\0")[0] for line in lines if line.endswith("\0")]


def _name(ref: str) -> str:
    """Return a branch's name: without ``refs/heads``, or ``refs/remotes`` and the remote."""
    _, kind, name = ref.split("/", 2)
    return name if kind == "heads" else name.partition("/")[2]


def _lock(root: Path, ref: str) -> Lock | None:
    row = ask(root, "--literal-pathspecs", "ls-tree", "-z", ref, "--", FILE)
    if not row:
        return None
    blob = row.split()[2]
    try:
        return decode(ask(root, "cat-file", "blob", blob).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise LockError(
            f"`{FILE}` of `{ref}` cannot be read, so nobody knows what it needs: {error}",
            hint="repair it there, or leave that branch out with `--branches`",
        ) from error
