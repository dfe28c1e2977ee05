"""Commits, tags and branches made with git's plumbing, beside whatever a person is working on.

A commit is put together in an index of its own, so the person's index is not used as a desk; a
branch moves only from the commit it was expected at (git-update-ref(1)); and in the index and
the work tree only the files that are named are touched. Commit and tag are signed where git's
own settings ask for it (``commit.gpgSign``, ``tag.gpgSign``). No hook runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.checkout.git import ask, attempt, failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.checkout.history import Held

SIGNING = (
    *("GNUPGHOME", "GPG_TTY", "GPG_AGENT_INFO", "SSH_AUTH_SOCK", "SSH_AGENT_PID"),
    *("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "TERM"),
)
"""What a program that signs has to see: where keys, agents and a prompt for the password are."""

DEFAULT_MODE = "100644"


def make_commit(
    root: Path,
    parent: str,
    message: str,
    *,
    files: Mapping[str, Held | None],
    scratch: Path,
) -> str:
    """Return a new commit on ``parent`` with some files changed, or removed where there is None.

    Paths are relative to ``root``. ``scratch`` is a directory for the index. No branch moves.
    """
    index = {"GIT_INDEX_FILE": str(scratch / "index")}
    ask(root, "read-tree", parent, variables=index)
    _enter(root, files, variables=index)
    tree = ask(root, "write-tree", variables=index).strip()
    signed = ("--gpg-sign",) if _setting(root, "commit.gpgSign") else ()
    command = ("commit-tree", tree, "-p", parent, *signed, "-F", "-")
    return ask(root, *command, stdin=message.encode(), variables=signing()).strip()


def make_tag(root: Path, name: str, commit: str, message: str) -> None:
    """Make an annotated tag of ``commit``; PipelineError when the tag is there already."""
    command = ("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit)
    ask(root, *command, stdin=message.encode(), variables=signing())


def tag_object(root: Path, name: str) -> str:
    """Return the object that a tag names, unpeeled; empty when there is no such tag."""
    found = attempt(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}")
    return "" if found.status else found.stdout.strip()


def remove_tag(root: Path, name: str, expected: str) -> None:
    """Remove a tag that still names the object ``expected``."""
    ask(root, "update-ref", "-d", f"refs/tags/{name}", expected)


def branch_commit(root: Path, branch: str) -> str:
    """Return the commit a branch is at; empty when there is no such branch."""
    found = attempt(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
    return "" if found.status else found.stdout.strip()


def move_branch(root: Path, branch: str, *, to: str, expected: str, reason: str) -> None:
    """Move a branch from the commit ``expected``; PipelineError when it is elsewhere by now."""
    ask(root, "update-ref", "-m", reason, f"refs/heads/{branch}", to, expected)


def set_index(root: Path, files: Mapping[str, Held | None]) -> None:
    """Set entries of the person's index; None takes the path out of it."""
    _enter(root, files)


def refresh(root: Path) -> None:
    """Let git notice that files are as the index says; what differs is no failure."""
    attempt(root, "update-index", "-q", "--refresh")


def _enter(
    root: Path,
    files: Mapping[str, Held | None],
    *,
    variables: Mapping[str, str] | None = None,
) -> None:
    prefix = ask(root, "rev-parse", "--show-prefix").rstrip("\n")
    form = ask(root, "rev-parse", "--show-object-format").strip()
    nothing = "0" * (64 if form == "sha256" else 40)
    given = "".join(
        f"{held.mode} {held.blob}\t{prefix}{path}\0" if held else f"0 {nothing}\t{prefix}{path}\0"
        for path, held in files.items()
    )
    command = ("update-index", "-z", "--index-info")
    ended = attempt(root, *command, stdin=given.encode(), variables=variables)
    if ended.status:
        raise failure(root, command, ended)


def signing() -> dict[str, str]:
    """Return the variables that git's programs for signatures, and for remotes, need."""
    return {name: os.environ[name] for name in SIGNING if name in os.environ}


def _setting(root: Path, name: str) -> bool:
    return attempt(root, "config", "--type=bool", "--get", name).stdout.strip() == "true"
