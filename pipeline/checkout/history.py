"""What git's history says: release tags, commits and what changed between them. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout.git import ask, attempt, failure, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
"""What lies in the git directory while a merge, a cherry-pick, a revert or a rebase is going on."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """A file that a commit removed; ``path`` is relative to the project, ``blob`` what it held."""

    commit: str
    path: str
    blob: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """A file of a commit or of the index: its mode in octal, and its blob."""

    mode: str
    blob: str


def commit_of(root: Path, name: str) -> str:
    """Return the commit that a name stands for; empty when it stands for none that is here."""
    if name.startswith("-"):
        return ""
    found = attempt(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return "" if found.status else found.stdout.strip()


def object_kind(root: Path, name: str) -> str:
    """Return what an object is, such as ``commit`` or ``tag``; empty where there is none."""
    found = attempt(root, "cat-file", "-t", name)
    return "" if found.status else found.stdout.strip()


def body_of(root: Path, tag: str) -> str:
    """Return what an annotated tag says below its first line, without a signature; else nothing."""
    form = "--format=%(if:equals=tag)%(objecttype)%(then)%(contents:body)%(end)"
    return ask(root, "for-each-ref", form, f"refs/tags/{tag}")


def git_directory(root: Path) -> str:
    """Return the absolute git directory of this work tree (a linked one has its own)."""
    return ask(root, "rev-parse", "--absolute-git-dir").rstrip("\n")


def prefix(root: Path) -> str:
    """Return where ``root`` lies below the top of the repository: empty, or ending in a slash."""
    return ask(root, "rev-parse", "--show-prefix").rstrip("\n")


def is_shallow(root: Path) -> bool:
    """Tell whether older history was left out when the repository was cloned."""
    return ask(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def unfinished(root: Path) -> str:
    """Return what operation of git is going on (``MERGE_HEAD`` and the like); empty for none."""
    # All of them lie in the work tree's own directory (gitrepository-layout(5)).
    directory = root / git_directory(root)
    return next((name for name in UNFINISHED if (directory / name).exists()), "")


def commit_time(root: Path, commit: str) -> int:
    """Return when a commit was made, in seconds since 1970."""
    return int(ask(root, "show", "--no-patch", "--format=%ct", commit, "--").strip())


def tags_merged(root: Path, commit: str) -> tuple[str, ...]:
    """Return the tags whose commits ``commit`` has in its history."""
    return _tags(root, f"--merged={commit}")


def tags_elsewhere(root: Path, commit: str) -> tuple[str, ...]:
    """Return the tags of commits that are not in the history of ``commit``."""
    return _tags(root, f"--no-merged={commit}")


def _tags(root: Path, which: str) -> tuple[str, ...]:
    found = ask(root, "for-each-ref", which, "--format=%(refname:strip=2)", "refs/tags")
    return tuple(found.split("\n")[:-1])


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Tell whether ``newer`` has ``older`` in its history."""
    return not attempt(root, "merge-base", "--is-ancestor", older, newer).status


def merge_base(root: Path, one: str, other: str) -> str:
    """Return where two commits parted; empty when no common commit is here."""
    found = attempt(root, "merge-base", one, other)
    return "" if found.status else found.stdout.strip()


def changed_files(root: Path, since: str) -> tuple[str, ...]:
    """Return what differs between a commit and the work tree, relative to ``root``.

    What was removed is among them; files that git does not track are not.
    """
    found = ask(root, "diff", "--name-only", "-z", "--no-renames", "--relative", since, "--")
    return tuple(rows(found))


def removed_by(root: Path, commits: Sequence[str], below: str) -> Iterator[Removed]:
    """Yield what each of the commits removed, against its first parent, below a directory."""
    if not commits:
        return
    command = ("diff-tree", "--stdin", "-r", "-z", "-m", "--first-parent", "--no-renames", "--raw")
    given = "".join(f"{commit}\n" for commit in commits).encode()
    limits = ("--diff-filter=D", "--relative", "--", below)
    commit = ""
    found = iter(rows(ask(root, *command, *limits, stdin=given)))
    for row in found:
        if row.startswith(":"):
            yield Removed(commit=commit, path=next(found), blob=row.split(" ")[2])
        else:
            commit = row


def file_text(root: Path, commit: str, path: str) -> str | None:
    """Return the text of a file (relative to ``root``) in a commit; None when it has none."""
    found = attempt(root, "cat-file", "blob", f"{commit}:./{path}")
    return None if found.status else found.stdout


def held_by(root: Path, commit: str, paths: Sequence[str]) -> dict[str, Held]:
    """Return what a commit holds of some paths, relative to ``root``."""
    if not paths:
        return {}
    literal = ("--literal-pathspecs", "ls-tree", "-r", "-z")
    found = {}
    for row in rows(ask(root, *literal, commit, "--", *paths)):
        facts, _, path = row.partition("\t")
        mode, _, blob = facts.split(" ")
        found[path] = Held(mode=mode, blob=blob)
    return found


def held_by_index(root: Path, paths: Sequence[str]) -> dict[str, Held]:
    """Return what the index holds of some paths, relative to ``root``; conflicts are left out."""
    if not paths:
        return {}
    found = {}
    command = ("--literal-pathspecs", "ls-files", "-z", "--stage", "--", *paths)
    for row in rows(ask(root, *command)):
        facts, _, path = row.partition("\t")
        mode, blob, stage = facts.split(" ")
        if stage == "0":
            found[path] = Held(mode=mode, blob=blob)
    return found


def blob_of(root: Path, data: bytes, *, path: str = "", write: bool = False) -> str:
    """Return the blob of some content, kept if ``write``.

    With a ``path`` it is content of the work tree there, and becomes what attributes and filters
    make of it; without one it is taken as it is.
    """
    keep = ("-w",) if write else ()
    how = f"--path={path}" if path else "--no-filters"
    return ask(root, "hash-object", *keep, "--stdin", how, stdin=data).strip()


def content(root: Path, path: str, blob: str) -> bytes:
    """Return what a file at a path holds in the work tree when git keeps it as ``blob``.

    Attributes and settings may ask for other line ends there, for a filter, or for an encoding.
    """
    command = ("cat-file", "--filters", f"--path={path}", blob)
    ended = attempt(root, *command)
    if ended.status:
        raise failure(root, command, ended)
    return ended.data
