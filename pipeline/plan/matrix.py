"""Cells: a stage for each combination of its matrix."""

from __future__ import annotations

import fnmatch
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage

PROJECT_FILE = "pyproject.toml"


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """One stage for one combination of its matrix; ``axes`` in the order they are declared."""

    stage: str
    axes: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The stage's name, with the values of the axes: ``wheel[linux_arm64,cp311]``."""
        values = ",".join(value for _, value in self.axes)
        return f"{self.stage}[{values}]" if values else self.stage

    def get(self, axis: str, default: str = "") -> str:
        """Return the value of an axis, or ``default`` where the stage has no such axis."""
        return dict(self.axes).get(axis, default)

    def fill(self, text: str) -> str:
        """Replace ``{axis}`` by the axis's value; other braces stay as they are."""
        for axis, value in self.axes:
            text = text.replace(f"{{{axis}}}", value)
        return text

    def agrees(self, other: Cell) -> bool:
        """Whether no axis that both have differs: how a need finds the cells it means."""
        mine = dict(self.axes)
        return all(mine.get(axis, value) == value for axis, value in other.axes)


def cells(stage: Stage, root: Path) -> tuple[Cell, ...]:
    """Return the cells of a stage, in the order of its axes' values.

    A value of the axis ``source`` may be a glob of directories that hold a ``pyproject.toml``.
    Raises ConfigError when a glob matches none.
    """
    axes = []
    for axis, values in stage.matrix.items():
        expanded = _directories(stage, values, root) if axis == "source" else values
        axes.append([(axis, value) for value in expanded])
    return tuple(
        Cell(stage=stage.name, axes=combination) for combination in itertools.product(*axes)
    )


def _directories(stage: Stage, patterns: Iterable[str], root: Path) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        if not any(character in pattern for character in "*?["):
            matches = [pattern]
        else:
            matches = sorted(
                path.relative_to(root).as_posix()
                for path in root.glob(pattern)
                if (path / PROJECT_FILE).is_file()
            )
        if not matches:
            raise ConfigError(
                f"`{pattern}` in the matrix of stage `{stage.name}` matches no directory with a "
                f"`{PROJECT_FILE}`",
                where="pipeline.yaml",
            )
        found += [match for match in matches if match not in found]
    return found


def all_cells(pipeline: Pipeline) -> Mapping[str, tuple[Cell, ...]]:
    """Return the cells of every stage, by the stage's name."""
    return {name: cells(stage, pipeline.root) for name, stage in pipeline.stages.items()}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was asked for: a stage's name or glob, and values that its cells must have."""

    stage: str
    values: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Read ``wheel``, ``wheel[linux_arm64]`` or ``wheel[linux_*,cp311]``; UsageError."""
        stage, bracket, rest = text.partition("[")
        if bracket and not rest.endswith("]"):
            raise UsageError(
                f"`{text}` is not a stage or cell",
                hint="write a cell as `wheel[linux_arm64,cp311]`",
            )
        values = tuple(
            value.strip() for value in rest.removesuffix("]").split(",") if value.strip()
        )
        return cls(stage=stage.strip(), values=values)

    def matches(self, cell: Cell) -> bool:
        """Whether a cell is meant: its stage by glob, and each value is one of its own."""
        own = [value for _, value in cell.axes]
        return fnmatch.fnmatchcase(cell.stage, self.stage) and all(
            any(fnmatch.fnmatchcase(value, wanted) for value in own) for wanted in self.values
        )
