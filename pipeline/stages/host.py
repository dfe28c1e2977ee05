"""What the stages share that run on the host: changelog, publish, release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage
    from pipeline.execute.report import CellReport
    from pipeline.locking.settings import Settings
    from pipeline.plan.types import PlannedCell


@dataclass(frozen=True, kw_only=True)
class HostSituation:
    """What a host stage works on.

    ``needed`` are the reports of the cells it needs; ``today`` is the date notes are drafted for.
    """

    pipeline: Pipeline
    planned: PlannedCell
    stage: Stage
    version: str
    today: dt.date
    draft: bool
    needed: tuple[CellReport, ...]
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a host stage came to: words for standard output, and the same as data."""

    text: str = ""
    data: dict[str, object] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
