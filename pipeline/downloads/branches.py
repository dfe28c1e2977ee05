"""The locks that a repository needs: of its branches and work trees, without checking anything out.

Nothing that is named there may be taken for unused, so in doubt the answer is an error: a branch
that is not there, a lock that cannot be read, a clone that does not have all branches.
"""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checkout.git import ask, attempt, rows
from pipeline.checkout.worktree import is_repository
from pipeline.errors import LockError, UsageError
from pipeline.lock.decode import decode
from pipeline.lock.file import FILE, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.lock.types import Lock

PROJECT = "pipeline.yaml"
TAGS = "tags/"
KINDS = ("refs/heads", "refs/remotes", "refs/tags")
EVERYTHING = ("refs/heads/*", "refs/*")
"""What a remote that is fetched as a whole is fetched from (git-fetch(1))."""


def branch_locks(
    root: Path, globs: Sequence[str], *, each: bool = False
) -> dict[str, tuple[Lock, ...]]:
    """Return the locks of each branch, here or on a remote, that one of the globs means.

    A branch has one for each project in it. A glob that begins with ``tags/`` means tags. Raises
    UsageError when none of the globs means a branch, or with ``each`` one of them does not, or when
    this clone cannot know; LockError for a lock that cannot be read: what it names would be taken
    for unused.
    """
    if not is_repository(root):
        raise UsageError(
            f"`{root}` is in no git repository, so nobody can tell which branches need what",
            hint="prune in a clone that has all branches",
        )
    known = _refs(root)
    meant = {glob: [ref for ref in known if _means(glob, ref)] for glob in globs}
    absent = [glob for glob, refs in meant.items() if not refs]
    if absent and (each or len(absent) == len(meant)):
        raise UsageError(
            f"no branch is called {' or '.join(f'`{glob}`' for glob in absent)}",
            hint="name the branches whose packages have to stay, such as `--branches main`",
        )
    _require_all_branches(root, globs)
    chosen = dict.fromkeys(ref for refs in meant.values() for ref in refs)
    return {ref: locks for ref in chosen if (locks := tuple(_locks(root, ref)))}


def worktree_locks(root: Path) -> Iterator[Lock]:
    """Yield the locks that work trees of the repository have checked out, and those in them now.

    So what somebody works with stays, though it is no branch or not committed. LockError.
    """
    below = ask(root, "rev-parse", "--show-prefix").removesuffix("\n")
    for line in ask(root, "worktree", "list", "--porcelain").splitlines():
        word, _, value = line.partition(" ")
        if word == "worktree" and (path := Path(value, below, FILE)).is_file():
            yield load(path)
        elif word == "HEAD" and value.strip("0"):
            yield from _locks(root, value)


def _refs(root: Path) -> list[str]:
    words = ("for-each-ref", "--format=%(refname)%00%(symref)", *KINDS)
    lines = ask(root, *words).splitlines()
    return [line.partition("\0")[0] for line in lines if line.endswith("\0")]


def _means(glob: str, ref: str) -> bool:
    """Compare with a branch's name: without ``refs/heads``, or ``refs/remotes`` and the remote."""
    _, kind, name = ref.split("/", 2)
    if kind == "tags":
        return glob.startswith(TAGS) and fnmatchcase(TAGS + name, glob)
    return fnmatchcase(name if kind == "heads" else name.partition("/")[2], glob)


def _require_all_branches(root: Path, globs: Iterable[str]) -> None:
    """Refuse to say what a glob means in a clone that was made of some branches only."""
    open_ended = [glob for glob in globs if any(sign in glob for sign in "*?[")]
    if not open_ended or not _is_partial(root):
        return
    raise UsageError(
        "this clone is shallow, or of some branches only, so nobody can tell which branches "
        f"`{open_ended[0]}` means",
        hint="fetch them all (`git remote set-branches origin '*'`, then `git fetch`, with "
        "`--unshallow` where it is shallow), or name each branch that counts: "
        "`--branches main,release/1`",
    )


def _is_partial(root: Path) -> bool:
    if ask(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        return True
    lines = attempt(root, "config", "--get-regexp", r"^remote\..*\.fetch$").stdout.splitlines()
    fetched: dict[str, bool] = {}
    for line in lines:
        remote, _, spec = line.partition(" ")
        source = spec.lstrip("+").partition(":")[0]
        fetched[remote] = fetched.get(remote, False) or source in EVERYTHING
    return not all(fetched.values())


def _locks(root: Path, ref: str) -> Iterator[Lock]:
    """Yield the lock of each project in a commit."""
    files: dict[str, str] = {}
    for row in rows(ask(root, "ls-tree", "-r", "-z", "--full-tree", ref)):
        about, _, path = row.partition("\t")
        if posixpath.basename(path) in {FILE, PROJECT}:
            files[path] = about.split()[2]
    for path, blob in files.items():
        folder, name = posixpath.split(path)
        if name == FILE and posixpath.join(folder, PROJECT) in files:
            yield _lock(root, f"{ref}:{path}", blob)


def _lock(root: Path, where: str, blob: str) -> Lock:
    try:
        return decode(ask(root, "cat-file", "blob", blob).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise LockError(
            f"`{where}` cannot be read, so nobody knows what it needs: {error}",
            hint="repair it there, or leave that branch out with `--branches`",
        ) from error
