"""Running a stage of the host: what it is told, and what it may change."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.checkout import worktree
from pipeline.config.stages import PublishStage, ReleaseStage
from pipeline.errors import PipelineError
from pipeline.execute.report import CellReport
from pipeline.files import sha256_bytes
from pipeline.release.version import read_version
from pipeline.stages.host import HostSituation
from pipeline.stages.table import host_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.execute.means import Means, Options
    from pipeline.plan.types import Plan, PlannedCell
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """What the host stages of one run share.

    ``cuts`` says that the run cuts a release. Then nothing is uploaded, only rehearsed: what is
    published is made from the tag, which is not there yet.
    """

    options: Options
    cuts: bool
    plan: Plan
    crossed: frozenset[str] = frozenset()
    interrupted: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, plan: Plan, options: Options) -> Hosting:
        """Return it for a plan."""
        cuts = any(isinstance(cell.stage, ReleaseStage) for cell in plan.cells)
        crossed = (cell.name for cell in plan.cells if cell.strategy and cell.strategy.compiler)
        return cls(options=options, cuts=cuts, plan=plan, crossed=frozenset(crossed))

    def drafts(self, planned: PlannedCell) -> bool:
        """Whether a stage must leave repository and outside world as they are."""
        return self.options.draft or (self.cuts and isinstance(planned.stage, PublishStage))

    def expected(self, planned: PlannedCell) -> Mapping[str, str] | None:
        """Return the sha256 of the files that a stage may publish, None without a plan."""
        everything = self.options.expected
        return None if everything is None else everything.get(planned.stage.name, {})

    def pause(self, planned: PlannedCell) -> Callable[[float], None]:
        """Return what waits for some seconds, and raises PipelineError on an interruption."""

        def wait(seconds: float) -> None:
            if self.interrupted.wait(seconds):
                raise PipelineError(f"`{planned.name}` was interrupted")

        return wait


def run_on_host(
    planned: PlannedCell, done: Mapping[str, CellReport], means: Means, hosting: Hosting
) -> CellReport:
    """Run a stage of the host and return what it said."""
    began = time.monotonic()
    pipeline = means.pipeline
    version = read_version(pipeline.root / pipeline.project.version)
    if isinstance(planned.stage, PublishStage | ReleaseStage):
        _refuse_other_versions(planned, done, pipeline, hosting, version)
    situation = HostSituation(
        root=means.root,
        pipeline=means.pipeline,
        planned=planned,
        stage=planned.stage,
        version=version,
        today=hosting.options.today,
        draft=hosting.drafts(planned),
        needed=tuple(done[name] for name in planned.needs),
        crossed=hosting.crossed,
        settings=means.settings,
        memory=memory(means.root, means.store),
        tell=lambda words: means.console.info(f"{planned.name}: {words}"),
        pause=hosting.pause(planned),
        expected=hosting.expected(planned),
        release=hosting.options.release,
    )
    said = host_stage(planned.stage)(situation)
    return CellReport(
        stage=planned.stage.name,
        cell=planned.name,
        key="",
        status="done",
        seconds=time.monotonic() - began,
        text=said.text,
        data=said.data,
        remarks=said.remarks,
        blocked=said.blocked,
    )


def _refuse_other_versions(
    planned: PlannedCell,
    done: Mapping[str, CellReport],
    pipeline: Pipeline,
    hosting: Hosting,
    version: str,
) -> None:
    """Hold the files that are published, or released, to the version of the tag."""
    from pipeline.stages.versions import of_release, refuse_others  # noqa: PLC0415 - few publish

    among = planned.needs if isinstance(planned.stage, PublishStage) else done
    made = [(cell, done[cell.name]) for cell in of_release(hosting.plan) if cell.name in among]
    refuse_others(pipeline, made, version)


def memory(root: Path, store: Store) -> Path:
    """Return where stages of the host note what later runs must know.

    That is the repository's own git directory, which all its work trees share and no cleaning of
    caches touches; outside of git it is the store.
    """
    directory = worktree.common_directory(root)
    if directory is not None:
        return directory / "pipeline"
    return store.root / "memory" / sha256_bytes(str(root).encode())[:32]
