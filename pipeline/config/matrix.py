"""The cells of a matrix, as axes and values: what is combined, left out and added, in this order.

Planning makes cells of these; the checks look at them, so that both mean the same.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from pipeline.config.paths import is_glob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.config.stages import Matrix

PROJECT_FILE = "pyproject.toml"

Axes = tuple[tuple[str, str], ...]
"""The axes of one cell with their values, in the order of `Matrix.names`."""


class Combined(NamedTuple):
    """The cells, and what each block did.

    ``dropped`` has the number of cells that each block of `exclude` took away, ``extended`` the
    number that each block of `include` extended; one that extended none added a cell.
    """

    cells: tuple[Axes, ...]
    dropped: tuple[int, ...]
    extended: tuple[int, ...]


def combined(matrix: Matrix, sources: Iterable[str] = ()) -> Combined:
    """Return the cells: the combinations in the order of the axes' values, then those added.

    ``sources`` stand for the values of the axis `source`. A block of `include` is held against the
    combinations only, so the order of blocks decides nothing but which of two values of one
    further axis stays: the later one.
    """
    values = {**matrix.axes, "source": tuple(sources)} if "source" in matrix.axes else matrix.axes
    product = itertools.product(*values.values()) if values or not matrix.include else ()
    cells = [dict(zip(values, chosen, strict=True)) for chosen in product]
    dropped = []
    for block in matrix.exclude:
        left = [cell for cell in cells if not _agrees(cell, block, block)]
        dropped.append(len(cells) - len(left))
        cells = left
    added, extended = [], []
    for block in matrix.include:
        shared = [axis for axis in block if axis in matrix.axes]
        meant = [cell for cell in cells if _agrees(cell, block, shared)]
        for cell in meant:
            cell.update(block)
        added += [] if meant else [dict(block)]
        extended.append(len(meant))
    names = matrix.names
    return Combined(
        cells=tuple(
            tuple((name, cell[name]) for name in names if name in cell) for cell in (*cells, *added)
        ),
        dropped=tuple(dropped),
        extended=tuple(extended),
    )


def _agrees(cell: Mapping[str, str], block: Mapping[str, str], axes: Iterable[str]) -> bool:
    return all(cell.get(axis) == block[axis] for axis in axes)


def sources(matrix: Matrix, root: Path) -> Mapping[str, list[str]]:
    """Return the directories that each value of the axis `source` means.

    A glob means the directories that match it and hold a ``pyproject.toml``; it may match none.
    """
    return {pattern: directories(pattern, root) for pattern in matrix.axes.get("source", ())}


def directories(pattern: str, root: Path) -> list[str]:
    """Return the directories that one path or glob means, sorted."""
    if not is_glob(pattern):
        return [pattern]
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.glob(pattern)
        if (path / PROJECT_FILE).is_file()
    )


def fill(text: str, axes: Axes) -> str:
    """Replace ``{axis}`` by the axis's value; other braces stay as they are."""
    for axis, value in axes:
        text = text.replace(f"{{{axis}}}", value)
    return text


def cell_name(stage: str, axes: Axes) -> str:
    """Return how a cell is called: ``wheel[linux_arm64,cp311]``."""
    values = ",".join(value for _, value in axes)
    return f"{stage}[{values}]" if values else stage
