"""From declarations, lock and sources to the plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage, kind_of
from pipeline.errors import ConfigError
from pipeline.locking.needs import Needs
from pipeline.plan.matrix import all_cells
from pipeline.plan.selection import select
from pipeline.plan.types import Plan, PlannedCell
from pipeline.stages.container import Situation, cell_target
from pipeline.stages.table import CONTAINER_STAGES
from pipeline.stages.toolchain import toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.lock.types import Lock
    from pipeline.plan.matrix import Cell
    from pipeline.plan.selection import Selection


def plan(
    pipeline: Pipeline,
    lock: Lock,
    checkout: Checkout,
    selections: Sequence[Selection],
    *,
    caches: bool = True,
) -> Plan:
    """Return the selected cells and all they need, in order; no selection means every cell.

    Without ``caches``, and wherever the selection may lead to a release, everything is compiled
    anew.
    Raises UsageError when a selection matches nothing, ConfigError and LockError as the stages do.
    """
    cells = all_cells(pipeline)
    selected = select(cells, selections)
    # Only stages of the host publish and release, and only they can need such a stage.
    host = any(not isinstance(pipeline.stages[cell.stage], ContainerStage) for cell in selected)
    planner = _Planner(
        pipeline=pipeline,
        lock=lock,
        checkout=checkout,
        found=Needs.among(pipeline, cells),
        caches=caches and not host,
    )
    for cell in selected:
        planner.add(cell)
    return Plan(cells=tuple(planner.planned.values()))


@dataclass(frozen=True, kw_only=True)
class _Planner:
    """What planning goes by, and the cells planned so far, by name."""

    pipeline: Pipeline
    lock: Lock
    checkout: Checkout
    found: Needs
    caches: bool
    planned: dict[str, PlannedCell] = field(default_factory=dict)

    def add(self, cell: Cell) -> PlannedCell:
        """Plan a cell after all that it needs, unless that is done."""
        if cell.name not in self.planned:
            needed = tuple(self.add(other) for other in self._needs(cell))
            stage = self.pipeline.stages[cell.stage]
            if isinstance(stage, ContainerStage):
                self.planned[cell.name] = self._in_container(cell, stage, needed)
            else:
                names = tuple(other.name for other in needed)
                self.planned[cell.name] = PlannedCell(
                    cell=cell, stage=stage, kind=kind_of(type(stage)), needs=names, recipe=None
                )
        return self.planned[cell.name]

    def _needs(self, cell: Cell) -> Iterator[Cell]:
        for need in self.pipeline.stages[cell.stage].needs:
            found = self.found.of(cell, need)
            if not found:
                raise ConfigError(
                    f"`{cell.name}` needs stage `{need}`, of which no cell has its values",
                    where=self.pipeline.where("stages", cell.stage, "matrix"),
                    hint=f"`exclude` it here, or `include` its values in the matrix of `{need}`",
                )
            yield from (c for c in found if _same_platform(self.pipeline, self.lock, cell, c))

    def _in_container(
        self, cell: Cell, stage: ContainerStage, needed: tuple[PlannedCell, ...]
    ) -> PlannedCell:
        situation = Situation(
            pipeline=self.pipeline,
            lock=self.lock,
            checkout=self.checkout,
            cell=cell,
            stage=stage,
            needed=needed,
            caches=self.caches,
        )
        if tool := toolchain(situation):
            needed = (*needed, self.planned.setdefault(tool.name, tool))
            situation = replace(situation, needed=needed)
        return PlannedCell(
            cell=cell,
            stage=stage,
            kind=kind_of(type(stage)),
            needs=tuple(other.name for other in needed),
            recipe=CONTAINER_STAGES[type(stage)](situation),
            target=situation.target,
            strategy=situation.strategy,
        )


def _same_platform(pipeline: Pipeline, lock: Lock, cell: Cell, other: Cell) -> bool:
    """Whether a test or an image needs this wheel: only one for the platform that it runs on.

    An image takes a wheel without the axis `target` on every platform; it may be pure.
    """
    stage, needed = pipeline.stages[cell.stage], pipeline.stages[other.stage]
    if kind_of(type(stage)) not in {"test", "image"} or kind_of(type(needed)) != "wheel":
        return True
    if kind_of(type(stage)) == "image" and not other.get("target"):
        return True
    if not isinstance(stage, ContainerStage) or not isinstance(needed, ContainerStage):
        return True
    mine = cell_target(pipeline, lock, cell, cell.fill(stage.image))
    return mine is cell_target(pipeline, lock, other, other.fill(needed.image))
