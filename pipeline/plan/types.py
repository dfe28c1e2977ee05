"""The plan: every cell in order, each with its recipe and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config.stages import Stage
    from pipeline.plan.matrix import Cell
    from pipeline.plan.recipe import Recipe
    from pipeline.platforms import Target


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How a cell is built: ``machine`` is the platform its steps run on, ``reason`` says why.

    ``compiler`` is the family of a cross compiler, empty where nothing is compiled for elsewhere.
    """

    name: Literal["native", "cross", "emulate"]
    machine: Target
    reason: str
    compiler: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell that will run.

    ``needs`` are names of cells. ``recipe`` is None for what runs on the host (changelog,
    publish, release), and so are ``target``, which the output is for, and ``strategy``.
    ``internal`` marks what no stage declares: others need it, and its files are no result.
    """

    cell: Cell
    stage: Stage
    kind: str
    needs: tuple[str, ...]
    recipe: Recipe | None
    target: Target | None = None
    strategy: Strategy | None = None
    internal: bool = False

    @property
    def name(self) -> str:
        """The cell's name, ``wheel[cp311]``."""
        return self.cell.name

    @property
    def key(self) -> str:
        """The recipe's key; empty for a host stage."""
        return self.recipe.key if self.recipe else ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Cells such that each stands after all that it needs."""

    cells: tuple[PlannedCell, ...]

    def by_name(self) -> Mapping[str, PlannedCell]:
        """Return the cells by their names."""
        return {cell.name: cell for cell in self.cells}
