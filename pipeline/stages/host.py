"""What the stages share that run on the host: changelog, publish, release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage
    from pipeline.execute.report import CellReport
    from pipeline.locking.settings import Settings
    from pipeline.plan.types import PlannedCell
    from pipeline.release.conditions import Obstacle
    from pipeline.stages.releasing import Releasing


@dataclass(frozen=True, kw_only=True)
class HostSituation:
    """What a host stage works on.

    ``root`` is the repository on disk; the files that count may be a copy, at ``pipeline.root``.
    ``needed`` are the reports of the cells it needs; ``today`` is the date notes are drafted for.
    ``memory`` is where things are noted that the next run must know. ``tell`` is for words while
    it works, ``pause`` waits for some seconds or raises when the run was interrupted. ``expected``
    is the sha256 of each file that may be uploaded, where a plan is given. ``release`` is what is
    known of the release that the run leads to, None where it leads to none. ``crossed`` are cells
    that were cross compiled: a machine of their own platform may make other bytes.
    """

    root: Path
    pipeline: Pipeline
    planned: PlannedCell
    stage: Stage
    version: str
    today: dt.date
    draft: bool
    needed: tuple[CellReport, ...]
    crossed: frozenset[str] = frozenset()
    settings: Settings
    memory: Path
    tell: Callable[[str], None]
    pause: Callable[[float], None]
    expected: Mapping[str, str] | None = None
    release: Releasing | None = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a host stage came to: words for standard output, and the same as data.

    ``blocked`` is what a draft passed by, and the real thing would be refused by.
    """

    text: str = ""
    data: dict[str, object] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    blocked: tuple[Obstacle, ...] = ()
