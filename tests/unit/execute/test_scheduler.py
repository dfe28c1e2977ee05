from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import ChangelogStage
from pipeline.errors import StageFailedError
from pipeline.execute.report import CellReport
from pipeline.execute.scheduler import run_cells
from pipeline.plan.matrix import Cell
from pipeline.plan.types import Plan, PlannedCell

if TYPE_CHECKING:
    from collections.abc import Mapping


def planned(name: str, *needs: str) -> PlannedCell:
    return PlannedCell(
        cell=Cell(stage=name),
        stage=ChangelogStage(name=name),
        kind="changelog",
        needs=needs,
        recipe=None,
    )


def report(cell: PlannedCell) -> CellReport:
    return CellReport(stage=cell.name, cell=cell.name, key="", status="done")


def nothing() -> None:
    pass


def test_a_cell_starts_only_when_what_it_needs_is_done() -> None:
    plan = Plan(cells=(planned("a"), planned("b", "a"), planned("c", "a", "b")))
    seen: dict[str, set[str]] = {}

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        seen[cell.name] = set(done)
        return report(cell)

    run_cells(plan, work, jobs=4, keep_going=False, cancel=nothing)
    assert seen["b"] >= {"a"}
    assert seen["c"] >= {"a", "b"}


def test_independent_cells_run_at_the_same_time() -> None:
    plan = Plan(cells=(planned("a"), planned("b")))
    both = threading.Barrier(2)

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        del done
        both.wait(timeout=30)  # breaks unless the other one is running too
        return report(cell)

    found = run_cells(plan, work, jobs=2, keep_going=False, cancel=nothing)
    assert [cell.status for cell in found.cells] == ["done", "done"]


def failing(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
    del done
    if cell.name == "bad":
        raise StageFailedError("broken on purpose")
    return report(cell)


def test_a_failure_stops_what_has_not_begun() -> None:
    plan = Plan(cells=(planned("bad"), planned("after", "bad"), planned("other")))
    found = run_cells(plan, failing, jobs=1, keep_going=False, cancel=nothing)
    assert [cell.status for cell in found.cells][:2] == ["failed", "skipped"]
    assert [str(failure) for failure in found.failures] == ["broken on purpose"]


def test_keep_going_runs_all_that_does_not_need_what_failed() -> None:
    plan = Plan(
        cells=(planned("bad"), planned("after", "bad"), planned("last", "after"), planned("other"))
    )
    found = run_cells(plan, failing, jobs=1, keep_going=True, cancel=nothing)
    statuses = [cell.status for cell in found.cells]
    assert statuses == ["failed", "skipped", "skipped", "done"]


def test_an_interruption_cancels_running_work_and_is_passed_on() -> None:
    plan = Plan(cells=(planned("a"), planned("b")))
    cancelled = threading.Event()

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        del done
        if cell.name == "a":
            raise KeyboardInterrupt
        assert cancelled.wait(timeout=30)
        return report(cell)

    with pytest.raises(KeyboardInterrupt):
        run_cells(plan, work, jobs=2, keep_going=False, cancel=cancelled.set)
    assert cancelled.is_set()


def test_a_failure_stops_what_was_ready_but_had_no_place_yet() -> None:
    plan = Plan(cells=(planned("bad"), planned("one"), planned("two")))
    found = run_cells(plan, failing, jobs=1, keep_going=False, cancel=nothing)
    assert [cell.status for cell in found.cells] == ["failed", "skipped", "skipped"]


def test_an_interrupted_run_begins_nothing_more() -> None:
    plan = Plan(cells=(planned("first"), planned("second"), planned("third")))
    begun: list[str] = []

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        del done
        begun.append(cell.name)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(plan, work, jobs=1, keep_going=False, cancel=nothing)
    assert begun == ["first"]


def test_each_cell_that_failed_has_its_own_error_and_log() -> None:
    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        del done
        if cell.name == "good":
            return report(cell)
        raise StageFailedError(f"{cell.name} broke", output=("last line",), log=f"/{cell.name}.log")

    plan = Plan(cells=(planned("a"), planned("good"), planned("b"), planned("after", "a")))
    ran = run_cells(plan, work, jobs=1, keep_going=True, cancel=nothing)
    errors = {c.cell: c.document({}).get("error") for c in ran.cells}
    assert errors["good"] is errors["after"] is None
    for name in ("a", "b"):
        assert errors[name] == {
            "message": f"{name} broke",
            "where": "",
            "hint": "",
            "detail": ["last line"],
            "exit_code": 1,
            "log": f"/{name}.log",
        }
