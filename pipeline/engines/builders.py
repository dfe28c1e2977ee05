"""The builders that buildx knows, and what each offers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from pipeline.engines.buildx import environment
from pipeline.engines.daemon import UnusableError
from pipeline.errors import PipelineError
from pipeline.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 60
"""buildx itself gives up on a node after 20 s."""


class NodeListing(TypedDict, total=False):
    """A node as ``docker buildx ls --format json`` prints it."""

    Name: str
    Endpoint: str
    Status: str
    Platforms: list[str] | None
    Err: str


class Listing(TypedDict, total=False):
    """A builder as it is printed."""

    Name: str
    Driver: str
    Nodes: list[NodeListing] | None
    Err: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of a builder; ``error`` says why it does not answer."""

    name: str
    endpoint: str
    answers: bool
    platforms: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A builder by name."""

    name: str
    driver: str
    nodes: tuple[Node, ...]
    error: str = ""

    @property
    def platforms(self) -> tuple[str, ...]:
        """What its nodes that answer can run."""
        found = (each for node in self.nodes if node.answers for each in node.platforms)
        return tuple(dict.fromkeys(found))


def listed(words: Sequence[str], environ: Mapping[str, str]) -> dict[str, Known]:
    """Ask buildx for every builder, and each of them for its nodes.

    ``words`` begin a buildx command. UnusableError when it cannot be asked.
    """
    command = [*words, "ls", "--no-trunc", "--format", "json"]
    try:
        told = run(command, env=environment(environ), timeout=SECONDS)
    except PipelineError as error:
        raise UnusableError(error.message, error.hint) from error
    if told.status:
        words_told = told.stderr.strip().splitlines() or [f"status {told.status}"]
        raise UnusableError(f"buildx cannot list its builders: {words_told[-1]}")
    return {each.name: each for each in map(_known, told.stdout.splitlines())}


def require(name: str, known: Mapping[str, Known]) -> Known:
    """Return a builder that exists and has a node that answers; UnusableError."""
    if name not in known:
        names = ", ".join(f"`{each}`" for each in sorted(known)) or "none"
        raise UnusableError(
            f"there is no builder `{name}`", f"those there are: {names}; see `docker buildx create`"
        )
    found = known[name]
    if not any(node.answers for node in found.nodes):
        why = next((node.error for node in found.nodes if node.error), found.error)
        raise UnusableError(
            f"no node of the builder `{name}` answers" + (f": {why}" if why else ""),
            f"`docker buildx inspect {name}` shows its nodes and their addresses",
        )
    return found


def _known(line: str) -> Known:
    found: Listing = json.loads(line)
    driver = found.get("Driver", "")
    nodes = tuple(
        Node(
            name=node.get("Name", ""),
            endpoint=node.get("Endpoint", ""),
            answers=_answers(driver, node),
            platforms=tuple(node.get("Platforms") or ()),
            error=node.get("Err", ""),
        )
        for node in found.get("Nodes") or ()
    )
    return Known(
        name=found.get("Name", ""),
        driver=driver,
        nodes=nodes,
        error=found.get("Err", ""),
    )


def _answers(driver: str, node: NodeListing) -> bool:
    """Whether builds can be sent there. Where buildx has made a node it also wakes it."""
    if node.get("Err"):
        return False
    return driver != "remote" or node.get("Status") == "running"
