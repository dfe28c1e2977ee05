"""Running cells in parallel, each after what it needs."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError
from pipeline.execute.report import CellReport, RunReport, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.plan.types import Plan, PlannedCell

    Worker = Callable[[PlannedCell, Mapping[str, CellReport]], CellReport]


@dataclass
class _Progress:
    """What is happening: the only mutable thing of a run."""

    waiting: dict[str, PlannedCell]
    reports: dict[str, CellReport] = field(default_factory=dict)
    failures: list[PipelineError] = field(default_factory=list)
    running: dict[Future[CellReport], PlannedCell] = field(default_factory=dict)


def run_cells(
    plan: Plan, work: Worker, *, jobs: int, keep_going: bool, cancel: Callable[[], None]
) -> RunReport:
    """Run every cell of a plan; return how each went, in the plan's order.

    ``work`` is called with a cell and the reports of all finished ones, at most ``jobs`` at a
    time. A failure stops what has not begun, or with ``keep_going`` only what needs the failed
    cell. When we are interrupted ``cancel`` is called, so that running work ends soon.
    """
    began = time.monotonic()
    progress = _Progress(waiting={cell.name: cell for cell in plan.cells})
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="cell") as pool:
        try:
            while progress.waiting or progress.running:
                stop = bool(progress.failures) and not keep_going
                _start(progress, pool, work, free=0 if stop else jobs - len(progress.running))
                if not progress.running:
                    break
                _collect(progress)
        except BaseException:
            progress.waiting.clear()
            cancel()
            raise
    for cell in progress.waiting.values():
        progress.reports[cell.name] = _report(cell, "skipped")
    return RunReport(
        cells=tuple(progress.reports[cell.name] for cell in plan.cells),
        seconds=time.monotonic() - began,
        failures=tuple(progress.failures),
    )


def _start(progress: _Progress, pool: ThreadPoolExecutor, work: Worker, *, free: int) -> None:
    """Begin at most ``free`` cells: what waits in the pool's own queue could not be taken back."""
    for name, cell in list(progress.waiting.items()):
        needs = [progress.reports.get(need) for need in cell.needs]
        if any(need and need.status in {"failed", "skipped"} for need in needs):
            del progress.waiting[name]
            progress.reports[name] = _report(cell, "skipped")
        elif free > 0 and all(needs):
            free -= 1
            del progress.waiting[name]
            future = pool.submit(work, cell, dict(progress.reports))
            progress.running[future] = cell


def _collect(progress: _Progress) -> None:
    done, _ = wait(progress.running, return_when=FIRST_COMPLETED)
    for future in done:
        cell = progress.running.pop(future)
        try:
            progress.reports[cell.name] = future.result()
        except PipelineError as error:
            progress.failures.append(error)
            progress.reports[cell.name] = _report(cell, "failed", error)


def _report(cell: PlannedCell, status: Status, error: PipelineError | None = None) -> CellReport:
    return CellReport(
        stage=cell.stage.name, cell=cell.name, key=cell.key, status=status, error=error
    )
