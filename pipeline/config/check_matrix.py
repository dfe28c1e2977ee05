"""Checks of a stage's matrix: its axes, and what `include` and `exclude` do to its cells."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pipeline.config.matrix import cell_name, combined, sources
from pipeline.config.problems import describe, listing, nearest, quoted
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.config.checking import Checking, KeyPath
    from pipeline.config.matrix import Axes, Combined
    from pipeline.config.stages import Stage

MAX_CELLS = 1000
RESERVED = ("include", "exclude")

_PYTHON = re.compile(r"cp3[0-9]{1,2}t?")
_VALUE = re.compile(r"[^\s,\[\]{}]+")


def check_declared(checking: Checking, stage: Stage) -> None:
    """Note what is wrong with the values of a matrix; sources are not looked at here."""
    matrix, path = stage.matrix, ("stages", stage.name, "matrix")
    for axis, values in matrix.axes.items():
        at = (*path, axis)
        if not values:
            message = f"the axis `{axis}` of stage `{stage.name}` has no values"
            checking.wrong(at, message, "give it one, or take it out")
        checking.unique(at, values)
        for index, value in enumerate(values):
            _check_value(checking, axis, value, (*at, str(index)))
    _check_blocks(checking, stage, path)
    product = math.prod(len(values) for values in matrix.axes.values()) if matrix.axes else 0
    cells = product + len(matrix.include)
    if cells > MAX_CELLS:
        message = f"the matrix of stage `{stage.name}` has {cells} cells, more than {MAX_CELLS}"
        checking.wrong(path, message, "split the stage, or shorten an axis")


def _check_value(checking: Checking, axis: str, value: str, at: KeyPath) -> None:
    if axis == "source":
        return
    if axis == "target":
        checking.known(at, value, "target", [target.value for target in Target])
    elif axis == "python" and not _PYTHON.fullmatch(value):
        version = re.fullmatch(r"3\.?([0-9]{1,2})", value)
        hint = f"write `cp3{version[1]}`" if version else "write `cp311` for Python 3.11"
        checking.wrong(at, f"{quoted(value)} is not the tag of a CPython", hint)
    elif not _VALUE.fullmatch(value):
        message = f"{quoted(value)} cannot be a value of an axis, since cells are named by it"
        checking.wrong(at, message, "leave out blanks, commas, brackets and braces")


def _check_blocks(checking: Checking, stage: Stage, path: KeyPath) -> None:
    matrix = stage.matrix
    for key, blocks in (("include", matrix.include), ("exclude", matrix.exclude)):
        for index, block in enumerate(blocks):
            at = (*path, key, str(index))
            if not block:
                message = f"{describe(at)} names no axis"
                checking.wrong(at, message, "write a value for an axis, or take it out")
            for axis, value in block.items():
                _check_axis(checking, stage, axis, (*at, axis))
                if key == "include":
                    _check_value(checking, axis, value, (*at, axis))


def _check_axis(checking: Checking, stage: Stage, axis: str, at: KeyPath) -> None:
    axes, key = stage.matrix.axes, at[-3]
    if axis in RESERVED:
        message = f"no axis can be called `{axis}`, which means something else in a matrix"
        checking.wrong(at, message, "call it otherwise")
    elif key == "exclude" and axis not in axes:
        message = f"`exclude` of stage `{stage.name}` names an unknown axis: {quoted(axis)}"
        checking.wrong(at, message, nearest(axis, axes) or "the matrix declares no axes")


def check_cells(checking: Checking, stage: Stage) -> tuple[Axes, ...]:
    """Note what is wrong between the cells of a matrix, where each value is right; return them.

    A glob of sources that matches no directory yet is left to planning, as if it were a directory.
    """
    matrix, path = stage.matrix, ("stages", stage.name, "matrix")
    found = sources(matrix, checking.pipeline.root)
    directories = [name for pattern, names in found.items() for name in names or [pattern]]
    made = combined(matrix, dict.fromkeys(directories))
    _check_excluded(checking, stage, made, {**matrix.axes, "source": directories})
    _check_included(checking, stage, made)
    if not made.cells:
        message = f"`exclude` leaves no cell of stage `{stage.name}`"
        checking.wrong((*path, "exclude"), message, "take an entry out, or the whole stage")
    return made.cells


def _check_excluded(
    checking: Checking, stage: Stage, made: Combined, values: Mapping[str, Sequence[str]]
) -> None:
    """Note each block that leaves nothing out."""
    path = ("stages", stage.name, "matrix", "exclude")
    for index, (block, dropped) in enumerate(zip(stage.matrix.exclude, made.dropped, strict=True)):
        if dropped:
            continue
        at: KeyPath = (*path, str(index))
        message = f"an entry of `exclude` matches no cell of stage `{stage.name}`"
        hint = "take it out: the entries before it leave out all that it means"
        if absent := [axis for axis, value in block.items() if value not in values[axis]]:
            axis = absent[0]
            at, value = (*at, axis), block[axis]
            message += f": {quoted(value)} is no value of `{axis}`"
            hint = nearest(value, values[axis])
        checking.wrong(at, message, hint)


def _check_included(checking: Checking, stage: Stage, made: Combined) -> None:
    """Note each block that adds nothing, or a cell that is not whole or there already."""
    matrix, path = stage.matrix, ("stages", stage.name, "matrix", "include")
    added = made.extended.count(0)
    names = [cell_name(stage.name, axes) for axes in made.cells]
    new = iter(names[len(names) - added :])
    seen = set(names[: len(names) - added])
    for index, (block, extended) in enumerate(zip(matrix.include, made.extended, strict=True)):
        at = (*path, str(index))
        if extended and block.keys() <= matrix.axes.keys():
            message = f"an entry of `include` adds nothing: stage `{stage.name}` has such a cell"
            checking.wrong(at, message, "take it out, or name a further axis")
        if extended:
            continue
        name = next(new)
        if missing := [axis for axis in matrix.axes if axis not in block]:
            message = f"an entry of `include` adds a cell to stage `{stage.name}` "
            message += f"without {listing(missing)}"
            checking.wrong(at, message, "name a value for every axis of the matrix")
        elif name in seen:
            message = f"an entry of `include` doubles the cell `{name}`"
            checking.wrong(at, message, "keep one")
        seen.add(name)
