"""What a run works with, and how it is to go: values that everything here is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.engines.protocol import Engine
    from pipeline.execute.logs import Turns
    from pipeline.lock.types import Lock
    from pipeline.locking.settings import Settings
    from pipeline.stages.releasing import Releasing
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is to go. ``jobs`` cells at a time; ``today`` is the date notes are drafted for.

    ``expected`` is the sha256 of each file that a stage may publish, where a plan is given.
    ``release`` is the release that the run leads to, if it leads to one.
    """

    today: dt.date
    draft: bool = True
    jobs: int = 1
    keep_going: bool = False
    rebuild: bool = False
    expected: Mapping[str, Mapping[str, str]] | None = None
    release: Releasing | None = None


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a run works with.

    ``root`` is the repository that git is asked about; the files that count may be a copy of what
    a commit of it has, at ``pipeline.root``.
    """

    root: Path
    pipeline: Pipeline
    lock: Lock
    store: Store
    settings: Settings
    engine: Engine
    console: Console
    turns: Turns

    def at(self, pipeline: Pipeline, lock: Lock) -> Means:
        """Return the same means for another state of the repository."""
        return replace(self, pipeline=pipeline, lock=lock)
