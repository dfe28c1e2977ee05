"""From declarations, lock and sources to the plan."""

from __future__ import annotations

import difflib
import fnmatch
from typing import TYPE_CHECKING

from pipeline.config.model import KINDS, ContainerStage
from pipeline.errors import UsageError
from pipeline.plan.matrix import Cell, Selection, all_cells
from pipeline.plan.types import Plan, PlannedCell
from pipeline.stages.container import Situation, cell_target
from pipeline.stages.table import CONTAINER_STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline, Stage
    from pipeline.lock.types import Lock
    from pipeline.plan.recipe import Recipe


def plan(
    pipeline: Pipeline, lock: Lock, checkout: Checkout, selections: Sequence[Selection]
) -> Plan:
    """Return the selected cells and all they need, in order; no selection means every cell.

    Raises UsageError when a selection matches nothing, ConfigError and LockError as the stages do.
    """
    cells = all_cells(pipeline)
    planned: dict[str, PlannedCell] = {}
    for cell in select(cells, selections):
        _add(cell, pipeline, lock, checkout, cells, planned)
    return Plan(cells=tuple(planned.values()))


def select(
    cells: Mapping[str, tuple[Cell, ...]], selections: Sequence[Selection]
) -> tuple[Cell, ...]:
    """Return the cells that any selection matches, in the order of their declaration."""
    everything = [cell for of_stage in cells.values() for cell in of_stage]
    for selection in selections:
        if not any(selection.matches(cell) for cell in everything):
            raise _no_match(selection, cells)
    if not selections:
        return tuple(everything)
    return tuple(c for c in everything if any(s.matches(c) for s in selections))


def _no_match(selection: Selection, cells: Mapping[str, tuple[Cell, ...]]) -> UsageError:
    if selection.stage in cells:
        names = ", ".join(f"`{cell.name}`" for cell in cells[selection.stage][:8])
        return UsageError(
            f"stage `{selection.stage}` has no cell with {', '.join(selection.values)}",
            hint=f"its cells are {names}",
        )
    if any(fnmatch.fnmatchcase(name, selection.stage) for name in cells):
        return UsageError(
            f"no cell of {_stages(selection.stage)} has {', '.join(selection.values)} in its matrix",
            hint="`pipeline plan` names the cells",
        )
    near = difflib.get_close_matches(selection.stage, cells, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the stages are {', '.join(cells)}"
    return UsageError(f"there is no stage `{selection.stage}`", hint=hint)


def _stages(pattern: str) -> str:
    return "any stage" if pattern == "*" else f"`{pattern}`"


def _add(
    cell: Cell,
    pipeline: Pipeline,
    lock: Lock,
    checkout: Checkout,
    cells: Mapping[str, tuple[Cell, ...]],
    planned: dict[str, PlannedCell],
) -> PlannedCell:
    if cell.name in planned:
        return planned[cell.name]
    stage = pipeline.stages[cell.stage]
    needed = tuple(
        _add(other, pipeline, lock, checkout, cells, planned)
        for need in stage.needs
        for other in cells[need]
        if cell.agrees(other) and _same_platform(pipeline, cell, other)
    )
    made: Recipe | None = None
    if isinstance(stage, ContainerStage):
        situation = Situation(
            pipeline=pipeline,
            lock=lock,
            checkout=checkout,
            cell=cell,
            stage=stage,
            needed=needed,
        )
        made = CONTAINER_STAGES[type(stage)](situation)
    planned[cell.name] = PlannedCell(
        cell=cell,
        stage=stage,
        kind=kind_of(stage),
        needs=tuple(other.name for other in needed),
        recipe=made,
    )
    return planned[cell.name]


def _same_platform(pipeline: Pipeline, cell: Cell, other: Cell) -> bool:
    """Whether a test needs this wheel: only one for the platform that it runs on."""
    stage, needed = pipeline.stages[cell.stage], pipeline.stages[other.stage]
    if kind_of(stage) != "test" or kind_of(needed) != "wheel":
        return True
    if not isinstance(stage, ContainerStage) or not isinstance(needed, ContainerStage):
        return True
    mine = cell_target(pipeline, cell, cell.fill(stage.image))
    return mine is cell_target(pipeline, other, other.fill(needed.image))


def kind_of(stage: Stage) -> str:
    """Return the word after ``kind:`` that declares such a stage."""
    return next(word for word, declared in KINDS.items() if declared is type(stage))
