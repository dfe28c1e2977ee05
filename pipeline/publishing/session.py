"""A release on its way to an index, as values: what is to be done, decided without doing it.

Modelled after the publishing sessions of PEP 694: one release is one session, which is open,
uploading, published or in error. No index has such sessions yet, so ours is kept by the journal
(`pipeline.publishing.journal`), and `plan` finds out where it stands from what the index has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.wheels.names import parse_sdist_name, parse_wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A file to be published: its name at the index, where its bytes are, and what they must be.

    ``project`` is the normal name (PEP 503), ``requires`` the normal names of what it needs,
    ``size`` in bytes.
    """

    name: str
    path: Path = field(compare=False)
    project: str
    version: str
    sha256: str
    size: int
    requires: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file that an index has. ``sha256`` is what it says or what was read, never empty."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a journal knows of earlier runs: the sha256 by file name, and whether it is done.

    ``planned`` is the release as it was begun and ``commit`` what it was made of, ``sent`` what an
    index took, ``verified`` what was read back from it.
    """

    commit: str = ""
    planned: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, str] = field(default_factory=dict)
    verified: Mapping[str, str] = field(default_factory=dict)


class State(Enum):
    """Where a session stands (PEP 694, section "Publishing Session")."""

    OPEN = "open"
    UPLOADING = "uploading"
    PUBLISHED = "published"
    ERROR = "error"


class Action(Enum):
    """What is to be done about one file."""

    UPLOAD = "upload"
    KEEP = "keep"
    """The index has these bytes."""
    AWAIT = "await"
    """An earlier run sent it, and the index does not list it yet."""
    CONFLICT = "conflict"
    """Nothing may be uploaded: not this file, and none of the others."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A file and what is to be done about it; ``why`` is the reason of a conflict."""

    file: Distribution
    action: Action
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done about every file of a release, in the order of uploading."""

    steps: tuple[Step, ...]

    @property
    def conflicts(self) -> tuple[Step, ...]:
        """The steps that forbid all others."""
        return tuple(step for step in self.steps if step.action is Action.CONFLICT)

    @property
    def state(self) -> State:
        """Where the session stands, as far as the index tells."""
        actions = {step.action for step in self.steps}
        if Action.CONFLICT in actions:
            return State.ERROR
        if actions <= {Action.KEEP}:
            return State.PUBLISHED
        return State.OPEN if actions == {Action.UPLOAD} else State.UPLOADING


def plan(files: Sequence[Distribution], listed: Iterable[Listed], record: Record) -> Plan:
    """Return what is to be done about each of ``files``, given what the index has.

    ``listed`` are the index's files of all projects concerned. The index counts more than
    ``record``: that only says what to wait for, and which bytes the release was begun with.
    """
    there = {_slot(one.name): one for one in listed}
    steps = [_step(file, there.get(_slot(file.name)), record) for file in files]
    begun = bool(record.sent) or any(step.action is Action.KEEP for step in steps)
    return Plan(steps=tuple(_in_one_piece(step, record) if begun else step for step in steps))


def _step(file: Distribution, there: Listed | None, record: Record) -> Step:
    if there is None:
        sent = record.sent.get(file.name) == file.sha256
        return Step(file=file, action=Action.AWAIT if sent else Action.UPLOAD)
    if there.sha256 != file.sha256:
        why = f"the index has `{there.name}` with sha256 `{there.sha256}`, not `{file.sha256}`"
        return Step(file=file, action=Action.CONFLICT, why=why)
    return Step(file=file, action=Action.KEEP)


def _in_one_piece(step: Step, record: Record) -> Step:
    """Refuse a file that was other bytes when the release was begun: it would be a mixture."""
    begun = record.planned.get(step.file.name, step.file.sha256)
    if step.action is Action.KEEP or begun == step.file.sha256:
        return step
    why = f"the release was begun with sha256 `{begun}` for it, and it is `{step.file.sha256}` now"
    return Step(file=step.file, action=Action.CONFLICT, why=why)


def _slot(name: str) -> tuple[str, ...]:
    """Return what an index keeps one file for, however its name is spelled."""
    try:
        if name.endswith(".whl"):
            return ("wheel", parse_wheel_name(name).file_name)
        return ("sdist", parse_sdist_name(name).file_name)
    except VerificationError:
        return ("other", name)
