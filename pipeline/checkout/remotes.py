"""What a remote has, and pushing to it. The only calls of git that may use the network.

Unlike all other calls, pushing runs the hook that a person has for it (``pre-push``): there Git
LFS uploads what the commits need. Prompts stay off, so that nothing waits unseen.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pipeline.checkout.commits import signing
from pipeline.checkout.git import HARDENED, ask, attempt, environment, head
from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.process import Completed

REACHING = re.compile(r"GIT_SSH(_COMMAND|_VARIANT)?|GIT_SSL_\w+|SSL_CERT_\w+|(?i:\w+_proxy)")
"""The variables by which a person says how remotes are reached."""

_AT = HARDENED.index("core.hooksPath=/dev/null")
_WITH_HOOKS = (*HARDENED[: _AT - 1], *HARDENED[_AT + 1 :])
LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
"""User and password in an address."""

PUSH_SECONDS = 3600.0


def remote_refs(root: Path, remote: str, names: Sequence[str]) -> Mapping[str, str]:
    """Return which of some full names (``refs/tags/v1``) a remote has, and their objects.

    NetworkError when it cannot be asked.
    """
    words = ("ls-remote", "--quiet", "--", remote, *names)
    ended = attempt(root, *words, variables=_reaching())
    if ended.status:
        raise NetworkError(
            f"the remote `{remote}` cannot be asked what it has",
            hint="try again when it can be reached, or leave it out with `--offline`",
            detail=_words(ended),
        )
    lines = [line.split("\t") for line in ended.stdout.splitlines()]
    return {name: found for found, name in lines if name in names}


def upstream(root: Path, branch: str) -> str:
    """Return the name a branch has on its remote: its own, unless git was told another."""
    found = attempt(root, "config", "--get", f"branch.{branch}.merge").stdout.strip()
    return found.removeprefix("refs/heads/") or branch


def push_command(remote: str, branch: str, tag: str, commit: str = "HEAD") -> tuple[str, ...]:
    """Return the command that pushes a commit and its tag, both or neither."""
    refs = (f"{commit}:refs/heads/{branch}", f"refs/tags/{tag}")
    return ("git", "push", "--atomic", remote, *refs)


def push(root: Path, command: Sequence[str]) -> None:
    """Push. ReleaseRefusedError when the remote took nothing, NetworkError when it was not reached.

    Pushing again what the remote has already is no failure.
    """
    program, verb, *rest = command
    ended = run(
        [program, *_WITH_HOOKS, verb, "--porcelain", *rest],
        env={**environment(), **_reaching()},
        cwd=root,
        timeout=PUSH_SECONDS,
    )
    if not ended.status:
        return
    if any(line.startswith("!") for line in ended.stdout.splitlines()):
        raise ReleaseRefusedError(
            "the remote took neither the commit nor the tag",
            hint="commit and tag are made here; see what the remote says, then push again with "
            "`--push`, or undo them with `pipeline release abort`",
            detail=_words(ended),
        )
    raise NetworkError(
        "git could not push, so commit and tag are here but not on the remote",
        hint="run it again with `--push` to push them",
        detail=_words(ended),
    )


def _reaching() -> dict[str, str]:
    named = {name: text for name, text in os.environ.items() if REACHING.fullmatch(name)}
    return {**signing(), **named}


def _words(ended: Completed) -> tuple[str, ...]:
    said = [*ended.stdout.splitlines(), *ended.stderr.splitlines()]
    return tuple(LOGIN.sub("", line) for line in said if line.strip())[-20:]


def follow(url: str, branch: str, directory: Path) -> bool:
    """Make ``directory`` a clone of what a branch has now, without history.

    Returns whether anything moved. Only the remote's files count: changes there are undone.
    NetworkError when the branch cannot be had; the directory is then as it was.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    reaching = _reaching()
    attempt(directory, "init", "--quiet", ".")
    words = ("fetch", "--quiet", "--depth=1", "--no-tags", "--", url, f"refs/heads/{branch}")
    ended = attempt(directory, *words, variables=reaching)
    if ended.status:
        raise NetworkError(
            f"the branch `{branch}` of `{LOGIN.sub('', url)}` cannot be fetched",
            hint="check the address and the branch, and that git may read it",
            detail=_words(ended),
        )
    before = head(directory)
    ask(directory, "reset", "--quiet", "--hard", "FETCH_HEAD", variables=reaching)
    return head(directory) != before
