"""Pushing a release: branch and tag together, or neither."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.checkout import git, remotes
from pipeline.errors import ReleaseRefusedError
from pipeline.release import journal as journals

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.release.journal import Journal


def remote_of(root: Path) -> str:
    """Return the remote a release goes to: the branch's own, else `origin`; empty for none."""
    return next(iter(git.remotes(root)), "")


def require_remote(root: Path) -> str:
    """Return the remote; ReleaseRefusedError when there is none."""
    if remote := remote_of(root):
        return remote
    raise ReleaseRefusedError(
        "there is no remote that a release could be pushed to",
        hint="add one: `git remote add origin ADDRESS`",
    )


def command_for(root: Path, branch: str, tag: str) -> tuple[str, ...]:
    """Return what a person would run to push a release."""
    return remotes.push_command(remote_of(root) or "REMOTE", remotes.upstream(root, branch), tag)


def push_tagged(root: Path, tag: str) -> tuple[str, ...]:
    """Push the branch that is checked out, which bears the tag; return the command.

    ReleaseRefusedError and NetworkError as `remotes.push`.
    """
    remote = require_remote(root)
    command = remotes.push_command(remote, remotes.upstream(root, git.branch(root)), tag)
    remotes.push(root, command)
    return command


def push_journaled(root: Path, journal: Journal) -> tuple[str, ...]:
    """Push a release that is cut. The journal says so before and is forgotten after.

    So a push of which nobody knows how it ended is asked about before a release is undone.
    """
    remote = require_remote(root)
    journals.write(root, replace(journal, remote=remote))
    branch = remotes.upstream(root, journal.branch)
    command = remotes.push_command(remote, branch, journal.tag, journal.commit)
    remotes.push(root, command)
    journals.forget(root)
    return command
