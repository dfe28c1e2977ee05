"""A workflow file as values: what triggers it, its jobs and their steps.

After "Workflow syntax for GitHub Actions". Only what walking needs is read; whether the rest is
right is for a linter to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.nodes import Mapping as MappingNode
from pipeline.config.nodes import Scalar, Sequence
from pipeline.config.problems import Problems
from pipeline.config.yaml import compose, read_text
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config.nodes import Node

Plain = str | list["Plain"] | dict[str, "Plain"]
"""YAML without its places; every scalar is text."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step: ``uses`` an action with ``inputs``, or runs a script."""

    at: str
    id: str = ""
    condition: str = ""
    uses: str = ""
    inputs: Mapping[str, str]
    run: str = ""
    env: Mapping[str, str]

    @property
    def action(self) -> str:
        """The action without its version, empty for a script."""
        return self.uses.partition("@")[0]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job. ``permissions`` is None where it says nothing; ``calls`` is a reusable workflow."""

    at: str
    id: str
    name: str
    needs: tuple[str, ...]
    condition: str
    runs_on: str
    environment: str
    permissions: Mapping[str, str] | None
    matrix: Plain
    outputs: Mapping[str, str]
    calls: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow. ``triggers`` has the filters of each event, by its name."""

    file: str
    name: str
    triggers: Mapping[str, Mapping[str, tuple[str, ...]]]
    permissions: Mapping[str, str] | None
    jobs: tuple[Job, ...]


def load(root: Path, file: str) -> Workflow:
    """Read a workflow file; ConfigError when it is none, or uses YAML we do not read."""
    problems = Problems()
    text = read_text((root / file).read_bytes(), file, problems)
    node = compose(text, file, problems) if text is not None else None
    problems.refuse()
    if not isinstance(node, MappingNode) or not isinstance(_get(node, "jobs"), MappingNode):
        raise ConfigError(f"`{file}` is no workflow: it has no jobs", where=file)
    name = _text(node, "name")
    return Workflow(
        file=file,
        name=name or file,
        triggers=_triggers(plain(_get(node, "on"))),
        permissions=_permissions(_get(node, "permissions")),
        jobs=tuple(_job(key, value) for key, value in _entries(_get(node, "jobs"))),
    )


def plain(node: Node | None) -> Plain:
    """Return what a node holds, without places; empty text where there is none."""
    match node:
        case None:
            return ""
        case Scalar():
            return "" if node.plain and node.text in {"~", "null"} else node.text
        case Sequence():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key.text: plain(value) for key, value in node.entries}


def _job(key: Scalar, node: Node) -> Job:
    matrix = _get(_get(node, "strategy"), "matrix")
    environment = _get(node, "environment")
    return Job(
        at=str(key.at),
        id=key.text,
        name=_text(node, "name") or key.text,
        needs=_words(plain(_get(node, "needs"))),
        condition=_text(node, "if"),
        runs_on=" ".join(_words(plain(_get(node, "runs-on")))),
        environment=_text(environment, "name") or _scalar(environment),
        permissions=_permissions(_get(node, "permissions")),
        matrix=plain(matrix),
        outputs=_texts(_get(node, "outputs")),
        calls=_text(node, "uses"),
        steps=tuple(_step(item) for item in _items(_get(node, "steps"))),
    )


def _step(node: Node) -> Step:
    return Step(
        at=str(node.at),
        id=_text(node, "id"),
        condition=_text(node, "if"),
        uses=_text(node, "uses"),
        inputs=_texts(_get(node, "with")),
        run=_text(node, "run"),
        env=_texts(_get(node, "env")),
    )


def _triggers(on: Plain) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(on, dict):
        return {event: {} for event in _words(on)}
    return {
        event: {key: _words(value) for key, value in filters.items()}
        if isinstance(filters, dict)
        else {}
        for event, filters in on.items()
    }


def _permissions(node: Node | None) -> dict[str, str] | None:
    if node is None:
        return None
    return {node.text: ""} if isinstance(node, Scalar) else _texts(node)


def _words(value: Plain) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return (value,) if isinstance(value, str) and value else ()


def _get(node: Node | None, key: str) -> Node | None:
    return next((value for name, value in _entries(node) if name.text == key), None)


def _entries(node: Node | None) -> tuple[tuple[Scalar, Node], ...]:
    return node.entries if isinstance(node, MappingNode) else ()


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _scalar(node: Node | None) -> str:
    found = plain(node)
    return found if isinstance(found, str) else ""


def _text(node: Node | None, key: str) -> str:
    return _scalar(_get(node, key))


def _texts(node: Node | None) -> dict[str, str]:
    return {key.text: _scalar(value) for key, value in _entries(node)}
