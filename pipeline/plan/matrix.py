"""Cells: a stage for each combination of its matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.config.matrix import PROJECT_FILE, cell_name, combined, fill, sources
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """One stage for one combination of its matrix; ``axes`` in the order they are declared.

    ``tags`` are the stage's own labels. They only select, so two cells do not differ by them.
    """

    stage: str
    axes: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """The stage's name, with the values of the axes: ``wheel[linux_arm64,cp311]``."""
        return cell_name(self.stage, self.axes)

    def get(self, axis: str, default: str = "") -> str:
        """Return the value of an axis, or ``default`` where the stage has no such axis."""
        return dict(self.axes).get(axis, default)

    def fill(self, text: str) -> str:
        """Replace ``{axis}`` by the axis's value; other braces stay as they are."""
        return fill(text, self.axes)


def cells(stage: Stage, root: Path) -> tuple[Cell, ...]:
    """Return the cells of a stage, in the order of its axes' values.

    A value of the axis ``source`` may be a glob of directories that hold a ``pyproject.toml``.
    Raises ConfigError when a glob matches none.
    """
    found = sources(stage.matrix, root)
    for pattern, matches in found.items():
        if not matches:
            raise ConfigError(
                f"`{pattern}` in the matrix of stage `{stage.name}` matches no directory with a "
                f"`{PROJECT_FILE}`",
                where="pipeline.yaml",
            )
    directories = dict.fromkeys(match for matches in found.values() for match in matches)
    return tuple(
        Cell(stage=stage.name, axes=axes, tags=stage.tags)
        for axes in combined(stage.matrix, directories).cells
    )


def all_cells(pipeline: Pipeline) -> Mapping[str, tuple[Cell, ...]]:
    """Return the cells of every stage, by the stage's name."""
    return {name: cells(stage, pipeline.root) for name, stage in pipeline.stages.items()}
