"""Which cells of another stage a cell needs, where the axes alone do not say it.

A test or an image of one project installs its wheel, and with it the wheels of those projects in
the repository that it depends on. They are built here, so no index is asked for them: anybody
could put something of their names there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.config.stages import ImageStage, TestStage, WheelStage
from pipeline.plan.agreeing import Agreeing
from pipeline.plan.matrix import Cell
from pipeline.project.pyproject import normal, reader, requirement_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage
    from pipeline.project.pyproject import Project

SOURCE = "source"
"""The axis whose values are projects."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Finds them among ``cells``, by stage; ``read`` reads the project of a directory.

    ``projects`` are the directories of what a stage builds, by name, as far as they were asked for.
    """

    pipeline: Pipeline
    cells: Mapping[str, Sequence[Cell]]
    agreeing: Agreeing
    read: Callable[[str], Project]
    projects: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def among(cls, pipeline: Pipeline, cells: Mapping[str, Sequence[Cell]]) -> Needs:
        """Return what finds cells among those of the stages that may be needed."""
        read = reader(pipeline.root)
        return cls(pipeline=pipeline, cells=cells, agreeing=Agreeing(cells), read=read)

    def of(self, cell: Cell, need: str) -> list[Cell]:
        """Return the cells of stage ``need`` that agree with a cell, and those installed along."""
        found = self.agreeing.with_cell(cell, need)
        stage = self.pipeline.stages[cell.stage]
        if not _installs(stage, self.pipeline.stages[need]) or not cell.get(SOURCE):
            return found
        known = self._projects(need)
        along = sorted(self._along(stage, cell.get(SOURCE), known)) if len(known) > 1 else ()
        for source in along:
            axes = ((axis, source if axis == SOURCE else value) for axis, value in cell.axes)
            other = Cell(stage=cell.stage, axes=tuple(axes))
            found += (one for one in self.agreeing.with_cell(other, need) if one not in found)
        return found

    def _projects(self, need: str) -> dict[str, str]:
        """Return the projects that a stage builds, their directories by name."""
        if need not in self.projects:
            sources = dict.fromkeys(cell.get(SOURCE) for cell in self.cells[need])
            own = [source for source in sources if source and "==" not in source]
            found = {normal(name): source for source in own if (name := self.read(source).name)}
            self.projects[need] = found
        return self.projects[need]

    def _along(self, stage: Stage, source: str, known: Mapping[str, str]) -> set[str]:
        """Return the directories of the projects that one of them depends on, all the way."""
        found: set[str] = set()
        pending = [*self._asked(stage, source)] if "==" not in source else []
        while pending:
            name, extras = requirement_name(pending.pop())
            place = known.get(name)
            if place is None or place == source:
                continue
            project = self.read(place)
            declared = [extra for extra in extras if extra in project.extras]
            pending += (one for extra in declared for one in project.extra_requires(extra))
            if place not in found:
                found.add(place)
                pending += project.dependencies or ()
        return found

    def _asked(self, stage: Stage, source: str) -> Iterator[str]:
        """Yield what a stage asks for, with what its project depends on."""
        project = self.read(source)
        yield from project.dependencies or ()
        if isinstance(stage, TestStage | ImageStage):
            yield from (one for extra in stage.extras for one in project.extra_requires(extra))
            yield from stage.requires
        if isinstance(stage, TestStage):
            yield from (one for group in stage.groups for one in project.group_requires(group))


def _installs(stage: Stage, needed: Stage) -> bool:
    return isinstance(stage, TestStage | ImageStage) and isinstance(needed, WheelStage)
