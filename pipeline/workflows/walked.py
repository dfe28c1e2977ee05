"""What a walk finds: values that print as JSON, from whole workflows down to single steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that would go wrong, and where it stands."""

    where: str
    message: str


@dataclass(frozen=True, kw_only=True)
class WalkedStep:
    """A step as it would run: the action or the script, with its variables filled in."""

    uses: str = ""
    run: str = ""
    env: Mapping[str, str]
    skipped: str = ""


@dataclass(frozen=True, kw_only=True)
class WalkedCell:
    """A job for one combination of its matrix; ``produces`` and ``consumes`` name artifacts."""

    name: str
    runs_on: str
    matrix: Mapping[str, object]
    steps: tuple[WalkedStep, ...]
    produces: tuple[str, ...]
    consumes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WalkedJob:
    """A job; ``skipped`` is the condition or the needed job that keeps it from running."""

    id: str
    needs: tuple[str, ...]
    permissions: Mapping[str, str] | None
    environment: str = ""
    calls: str = ""
    skipped: str = ""
    cells: tuple[WalkedCell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A workflow as an event would find it; ``idle`` says why the event does not start it."""

    file: str
    name: str
    idle: str = ""
    jobs: tuple[WalkedJob, ...] = ()
    problems: tuple[Problem, ...] = ()
