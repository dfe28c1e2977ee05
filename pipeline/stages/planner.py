"""From declarations, lock and sources to the plan."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.config.stages import KINDS, ContainerStage
from pipeline.errors import UsageError
from pipeline.plan.matrix import Cell, Selection, all_cells
from pipeline.plan.types import Plan, PlannedCell
from pipeline.stages.container import Situation, cell_target
from pipeline.stages.table import CONTAINER_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage
    from pipeline.lock.types import Lock
    from pipeline.plan.recipe import Recipe


def plan(
    pipeline: Pipeline, lock: Lock, checkout: Checkout, selections: Sequence[Selection]
) -> Plan:
    """Return the selected cells and all they need, in order; no selection means every cell.

    Raises UsageError when a selection matches nothing, ConfigError and LockError as the stages do.
    """
    cells = all_cells(pipeline)
    planner = _Planner(pipeline=pipeline, lock=lock, checkout=checkout, cells=cells)
    for cell in select(cells, selections):
        planner.add(cell)
    return Plan(cells=tuple(planner.planned.values()))


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
        values = ", ".join(selection.values)
        return UsageError(
            f"no cell of {_stages(selection.stage)} has {values} in its matrix",
            hint="`pipeline plan` names the cells",
        )
    near = difflib.get_close_matches(selection.stage, cells, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the stages are {', '.join(cells)}"
    return UsageError(f"there is no stage `{selection.stage}`", hint=hint)


def _stages(pattern: str) -> str:
    return "any stage" if pattern == "*" else f"`{pattern}`"


@dataclass(frozen=True, kw_only=True)
class _Planner:
    """What planning goes by, and the cells planned so far, by name."""

    pipeline: Pipeline
    lock: Lock
    checkout: Checkout
    cells: Mapping[str, tuple[Cell, ...]]
    planned: dict[str, PlannedCell] = field(default_factory=dict)

    def add(self, cell: Cell) -> PlannedCell:
        """Plan a cell after all that it needs, unless that is done."""
        if cell.name not in self.planned:
            needed = tuple(self.add(other) for other in self._needs(cell))
            stage = self.pipeline.stages[cell.stage]
            self.planned[cell.name] = PlannedCell(
                cell=cell,
                stage=stage,
                kind=kind_of(stage),
                needs=tuple(other.name for other in needed),
                recipe=self._recipe(cell, stage, needed),
            )
        return self.planned[cell.name]

    def _needs(self, cell: Cell) -> Iterator[Cell]:
        for need in self.pipeline.stages[cell.stage].needs:
            for other in self.cells[need]:
                if cell.agrees(other) and _same_platform(self.pipeline, cell, other):
                    yield other

    def _recipe(self, cell: Cell, stage: Stage, needed: tuple[PlannedCell, ...]) -> Recipe | None:
        if not isinstance(stage, ContainerStage):
            return None
        situation = Situation(
            pipeline=self.pipeline,
            lock=self.lock,
            checkout=self.checkout,
            cell=cell,
            stage=stage,
            needed=needed,
        )
        return CONTAINER_STAGES[type(stage)](situation)


def _same_platform(pipeline: Pipeline, cell: Cell, other: Cell) -> bool:
    """Whether a test or an image needs this wheel: only one for the platform that it runs on.

    An image takes a wheel without the axis `target` on every platform; it may be pure.
    """
    stage, needed = pipeline.stages[cell.stage], pipeline.stages[other.stage]
    if kind_of(stage) not in {"test", "image"} or kind_of(needed) != "wheel":
        return True
    if kind_of(stage) == "image" and not other.get("target"):
        return True
    if not isinstance(stage, ContainerStage) or not isinstance(needed, ContainerStage):
        return True
    mine = cell_target(pipeline, cell, cell.fill(stage.image))
    return mine is cell_target(pipeline, other, other.fill(needed.image))


def kind_of(stage: Stage) -> str:
    """Return the word after ``kind:`` that declares such a stage."""
    return next(word for word, declared in KINDS.items() if declared is type(stage))
