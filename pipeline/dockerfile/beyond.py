"""What the sandbox cannot do and Docker can: told by line and name, before anything runs.

A step in the sandbox has one user, so it can neither be nor own as anybody else; the other rows
are ways of copying that few files need. `docs/reference/dockerfile.md` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.dockerfile.instructions import Copy, Run, User
from pipeline.dockerfile.lexing import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.dockerfile.instructions import Dockerfile, Step
    from pipeline.errors import ConfigError

ROOT = frozenset(f"{user}{group}" for user in ("root", "0") for group in ("", ":root", ":0"))
"""The spellings of the one user that owns everything."""

OTHER_ENGINE = "build it with `--engine docker`"


def beyond_sandbox(dockerfile: Dockerfile) -> tuple[ConfigError, ...]:
    """Return an error for each thing that only Docker does, in the order of their lines.

    What a variable hides is told when the variable is known, by `check_root`.
    """
    found = (error for stage in dockerfile.stages for step in stage.steps for error in _of(step))
    return tuple(found)


def check_root(number: int, what: str, value: str) -> None:
    """Refuse any owner or user but root; ConfigError."""
    if value not in ROOT:
        raise other_engine(number, f"`{what} {value}`", "a step has one user, root")


def other_engine(number: int, what: str, why: str) -> ConfigError:
    """Return the error for what the sandbox cannot do."""
    return fault(number, f"{what} is not supported by the sandbox: {why}", OTHER_ENGINE)


def _of(step: Step) -> Iterator[ConfigError]:
    match step:
        case User(line=line, user=user) if "$" not in user and user not in ROOT:
            yield other_engine(line, f"`USER {user}`", "a step has one user, root")
        case Copy(line=line, owner=owner, others=others):
            if owner and "$" not in owner and owner not in ROOT:
                yield other_engine(line, f"`--chown {owner}`", "all files are root's")
            for flag in others:
                if flag == "--link":  # done as a plain copy where nobody can tell
                    continue
                yield other_engine(line, f"`{flag}`", "it copies whole files and directories")
        case Run(line=line, mounts=mounts):
            for mount in mounts:
                if mount.type == "ssh":
                    yield other_engine(line, "`--mount=type=ssh`", "it has no agent to pass on")
                if mount.owner:
                    yield other_engine(line, f"`{mount.owner}`", "a step has one user, root")
        case _:
            pass
