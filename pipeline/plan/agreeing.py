"""Finding the cells that agree with a given one, without comparing each with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.plan.matrix import Cell

Names = tuple[str, ...]
Index = dict[Names, dict[Names, list[int]]]
"""By the axes that both have, then by their values: the places of such cells."""


class Agreeing:
    """The cells of stages, found by the values of the axes they share with another cell."""

    def __init__(self, cells: Mapping[str, Sequence[Cell]]) -> None:
        self._cells = cells
        self._indexes: dict[tuple[str, Names], Index] = {}

    def with_cell(self, cell: Cell, stage: str) -> list[Cell]:
        """Return the cells of ``stage`` that differ in no shared axis, in declared order."""
        mine = dict(cell.axes)
        index = self._index(stage, tuple(mine))
        places = [
            place
            for shared, by_values in index.items()
            for place in by_values.get(tuple(mine[axis] for axis in shared), ())
        ]
        return [self._cells[stage][place] for place in sorted(places)]

    def _index(self, stage: str, axes: Names) -> Index:
        """Return the cells of a stage by what they share with cells that have ``axes``."""
        if (stage, axes) not in self._indexes:
            index: Index = {}
            for place, cell in enumerate(self._cells[stage]):
                shared = [(axis, value) for axis, value in cell.axes if axis in axes]
                by_values = index.setdefault(tuple(axis for axis, _ in shared), {})
                by_values.setdefault(tuple(value for _, value in shared), []).append(place)
            self._indexes[stage, axes] = index
        return self._indexes[stage, axes]
