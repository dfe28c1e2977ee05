"""What is run for a person: their command, or the image's shell at their terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.engines.union import Union
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.config.stages import Network

SHELLS = (("/bin/bash", "--norc"), ("/bin/sh",))
"""What is looked for, best first. Debian's `bashrc` would put another prompt in place of ours."""

PASSED_ON = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR")
"""Variables of the caller that say what their terminal can show."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be run: ``words``, or a shell where there are none.

    ``variables`` are added to those of the stage.
    """

    words: tuple[str, ...] = ()
    network: Network = "none"
    variables: Mapping[str, str] = field(default_factory=dict)


def asked(
    words: Sequence[str],
    network: Network,
    environ: Mapping[str, str],
    *,
    name: str,
) -> Asked:
    """Return what is to be run in the place ``name``; UsageError for a shell without a terminal."""
    variables = {each: environ[each] for each in PASSED_ON if each in environ}
    if not words:
        require_terminal()
        variables["PS1"] = f"({name}) $ "
    return Asked(words=tuple(words), network=network, variables=variables)


def require_terminal() -> None:
    """Raise UsageError unless a person sits at both ends of a shell."""
    if not at_terminal():
        raise UsageError(
            "a shell needs a terminal, and standard input or output is none",
            hint="run one command with `pipeline dev -- COMMAND`",
        )


def at_terminal() -> bool:
    """Whether a person types and reads: a terminal at standard input and at standard output."""
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and os.isatty(stream.fileno()) for stream in streams)


def command(asked: Asked, layers: Sequence[Path]) -> tuple[str, ...]:
    """Return the words to execute in an image with these layers; UsageError without a shell."""
    if asked.words:
        return asked.words
    view = Union(tuple(str(layer) for layer in reversed(layers)))
    for words in SHELLS:
        if view.find(words[0]).node is not None:
            return words
    raise UsageError(
        "the image has no shell",
        hint="run a program of it with `pipeline dev -- COMMAND`, or add `bash` to its `packages`",
    )
