"""What a Dockerfile says, without building it: its variables, commands and contexts.

Rendering reads its own output back with this, to see that every value arrived as it was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.expansion import ExpansionError, Style, expand
from pipeline.dockerfile.instructions import Arg, Copy, Env, Run
from pipeline.dockerfile.lexing import fault
from pipeline.dockerfile.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.dockerfile.instructions import Dockerfile, Instruction, Step

SCRATCH = "scratch"
MAIN = "context"
"""The context that COPY, ADD and bind mounts read when they name none."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The parts of a Dockerfile.

    ``env`` is what the ENV instructions of all stages set, in order, with quotes removed;
    ``commands`` each RUN: the words of the exec form, or one word for the shell form;
    ``contexts`` the names that no stage has, from FROM, ``--from`` and mounts; ``networks`` what
    the RUN instructions ask for; ``arguments`` the names of every ARG; ``secrets`` the ids of
    mounted secrets; ``mounts`` for each RUN, in the order of ``commands``, what it sees of others
    without being able to change it, as pairs of ``from`` and ``target``.
    """

    env: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]
    contexts: frozenset[str]
    networks: frozenset[str]
    arguments: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    mounts: tuple[frozenset[tuple[str, str]], ...] = ()


def summarise(text: str) -> Summary:
    """Return the summary of a Dockerfile's text; ConfigError as `parse` raises it."""
    dockerfile = parse(text)
    style = Style(escape=dockerfile.escape)
    env: dict[str, str] = {}
    commands: list[tuple[str, ...]] = []
    mounts: list[frozenset[tuple[str, str]]] = []
    networks: set[str] = set()
    for stage in dockerfile.stages:
        for step in stage.steps:
            if isinstance(step, Env):
                env |= {name: expanded(step, value, env, style) for name, value in step.pairs}
            elif isinstance(step, Run):
                command = step.command
                commands.append((command,) if isinstance(command, str) else command)
                mounts.append(frozenset(_bound(step)))
                networks.add(step.network)
    return Summary(
        env=env,
        commands=tuple(commands),
        contexts=contexts(dockerfile),
        networks=frozenset(networks),
        arguments=frozenset(_arguments(dockerfile)),
        secrets=frozenset(_secrets(dockerfile)),
        mounts=tuple(mounts),
    )


def _bound(step: Run) -> Iterator[tuple[str, str]]:
    for mount in step.mounts:
        if mount.type == "bind" and mount.read_only:
            yield mount.origin or MAIN, mount.target


def _arguments(dockerfile: Dockerfile) -> Iterator[str]:
    inside = (step for stage in dockerfile.stages for step in stage.steps)
    for step in (*dockerfile.args, *inside):
        if isinstance(step, Arg):
            yield from (name for name, _ in step.pairs)


def _secrets(dockerfile: Dockerfile) -> Iterator[str]:
    for stage in dockerfile.stages:
        for step in stage.steps:
            for mount in step.mounts if isinstance(step, Run) else ():
                if mount.type == "secret":
                    yield mount.id or mount.target.rpartition("/")[2]


def expanded(instruction: Instruction, word: str, env: Mapping[str, str], style: Style) -> str:
    """Return a word of an instruction with its variables replaced; ConfigError."""
    try:
        return expand(word, env, style)
    except ExpansionError as error:
        raise fault(instruction.line, f"`{word}` cannot be expanded: {error}") from error


def contexts(dockerfile: Dockerfile) -> frozenset[str]:
    """Return the names that FROM, ``--from`` and mounts use and that are not stages."""
    known = {SCRATCH, ""}
    found: set[str] = set()
    for index, stage in enumerate(dockerfile.stages):
        names = {stage.start.base, *(name for step in stage.steps for name in origins(step))}
        found |= {name for name in names if name.lower() not in known}
        known |= {stage.start.name, str(index)}
    return frozenset(found)


def origins(step: Step) -> tuple[str, ...]:
    """Return the names of the stages and contexts that a step reads."""
    match step:
        case Copy(sources=sources, origin=origin) if sources:
            return (origin or MAIN,)
        case Run(mounts=mounts):
            return tuple(mount.origin or MAIN for mount in mounts if mount.type == "bind")
        case _:
            return ()
