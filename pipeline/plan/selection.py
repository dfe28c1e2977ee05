"""Selecting: which cells are asked for, by stage, by values, by axes, and by tags."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.plan.matrix import Cell

SHOWN = 8
"""How many names a hint lists."""


@dataclass(frozen=True, kw_only=True)
class TagFilter:
    """One ``--tag``: the cells that have any of these tags, or with ``exclude`` none of them.

    The form and its meaning are those of Pants: ``a,b``, ``+a,b`` and ``-a,b``, where the sign is
    that of the whole list, and several filters must all be met.
    """

    tags: tuple[str, ...]
    exclude: bool = False

    @classmethod
    def parse(cls, text: str) -> TagFilter:
        """Read ``wheel``, ``+wheel,sdist`` or ``-slow``; UsageError."""
        sign = text[:1] if text[:1] in {"+", "-"} else ""
        tags = [word.strip() for word in text.removeprefix(sign).split(",")]
        if not all(tags):
            raise UsageError(
                f"`--tag {text}` lacks the name of a tag",
                hint="write `--tag wheel`, `--tag wheel,sdist` or `--tag -slow`",
            )
        mixed = next((tag for tag in tags if tag[0] in "+-" and tag[0] != (sign or "+")), "")
        if mixed:
            raise UsageError(
                f"`--tag {text}` includes and excludes, but has one sign for the whole list",
                hint="give each a flag of its own, such as `--tag wheel --tag -slow`",
            )
        return cls(tags=tuple(tag.lstrip("+-") for tag in tags), exclude=sign == "-")

    def matches(self, cell: Cell) -> bool:
        """Whether the filter lets a cell through."""
        return self.exclude != any(fnmatch.filter(cell.tags, tag) for tag in self.tags)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was asked for: a stage's name or glob, and what narrows it to some of its cells.

    A cell must have each of ``values`` (or a value that such a glob matches) on any axis, and on an
    axis of ``axes`` one of the values there. A cell without that axis is not narrowed by it: what
    is made once is made for all of them. It must pass every filter of ``tags``.
    """

    stage: str
    values: tuple[str, ...] = ()
    axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[TagFilter, ...] = ()

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
        """Whether a cell is meant."""
        return (
            self.names(cell)
            and all(_is_one(cell.get(axis), wanted) for axis, wanted in self.axes if cell.get(axis))
            and all(one.matches(cell) for one in self.tags)
        )

    def names(self, cell: Cell) -> bool:
        """Whether a cell is meant as far as stage and values go."""
        return fnmatch.fnmatchcase(cell.stage, self.stage) and all(
            any(fnmatch.fnmatchcase(value, wanted) for _, value in cell.axes)
            for wanted in self.values
        )


def _is_one(value: str, wanted: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted)


def select(
    cells: Mapping[str, tuple[Cell, ...]], selections: Sequence[Selection]
) -> tuple[Cell, ...]:
    """Return the cells that any selection matches, in the order of their declaration.

    No selection means every cell. Raises UsageError when a selection matches nothing, or has a
    value of an axis that no cell has, or a tag that no stage has.
    """
    everything = [cell for of_stage in cells.values() for cell in of_stage]
    if not selections:
        return tuple(everything)
    named = [[cell for cell in everything if one.names(cell)] for one in selections]
    for selection, found in zip(selections, named, strict=True):
        if not found:
            raise _no_match(selection, cells)
    asked_for = [cell for found in named for cell in found]
    for axis, wanted in dict.fromkeys(pair for one in selections for pair in one.axes):
        _check_axis(axis, wanted, asked_for, everything)
    for tag in dict.fromkeys(tag for one in selections for each in one.tags for tag in each.tags):
        _check_tag(tag, everything)
    for selection, found in zip(selections, named, strict=True):
        if not any(selection.matches(cell) for cell in found):
            raise _nothing_left(selection, found)
    return tuple(cell for cell in everything if any(one.matches(cell) for one in selections))


def _check_axis(
    axis: str, wanted: Iterable[str], asked_for: Iterable[Cell], everything: Iterable[Cell]
) -> None:
    """Refuse a value that no cell has: none of those asked for, or of all if they lack the axis."""
    values = _values(axis, asked_for) or _values(axis, everything)
    if not values:
        raise UsageError(
            f"no stage has an axis `{axis}`, so no cell can be selected by it",
            hint="`pipeline list '*'` names the cells",
        )
    for value in wanted:
        if not fnmatch.filter(values, value):
            raise UsageError(
                f"no cell that is asked for has `{value}` on its axis `{axis}`",
                hint=_nearest(value, values) or f"there is {_listed(values)}",
            )


def _check_tag(tag: str, everything: Iterable[Cell]) -> None:
    known = list(dict.fromkeys(name for cell in everything for name in cell.tags))
    if not fnmatch.filter(known, tag):
        hint = (
            f"the tags are {_listed(known)}" if known else "`tags: [...]` of a stage gives it some"
        )
        raise UsageError(f"no stage has the tag `{tag}`", hint=_nearest(tag, known) or hint)


def _values(axis: str, cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.get(axis) for cell in cells if cell.get(axis)))


def _nothing_left(selection: Selection, found: Sequence[Cell]) -> UsageError:
    axes = " and ".join(f"{_listed(values, ' or ')}" for _, values in selection.axes)
    words = [f"is for {axes}"] if axes else []
    words += [
        f"lacks the tag {_listed(one.tags, ' and ')}"
        if one.exclude
        else f"has the tag {_listed(one.tags, ' or ')}"
        for one in selection.tags
    ]
    stages = "any stage" if selection.stage == "*" else f"`{selection.stage}`"
    hint = f"its cells are {_listed([cell.name for cell in found])}"
    if not axes:
        tags = dict.fromkeys(tag for cell in found for tag in cell.tags)
        hint = f"its tags are {_listed(list(tags))}" if tags else "it has no `tags`"
    return UsageError(f"no cell of {stages} {' and '.join(words)}", hint=hint)


def _no_match(selection: Selection, cells: Mapping[str, tuple[Cell, ...]]) -> UsageError:
    if selection.stage in cells:
        return UsageError(
            f"stage `{selection.stage}` has no cell with {_listed(selection.values)}",
            hint=f"its cells are {_listed([cell.name for cell in cells[selection.stage]])}",
        )
    if any(fnmatch.fnmatchcase(name, selection.stage) for name in cells):
        stages = "any stage" if selection.stage == "*" else f"`{selection.stage}`"
        return UsageError(
            f"no cell of {stages} has {_listed(selection.values)} in its matrix",
            hint="`pipeline list '*'` names the cells",
        )
    hint = _nearest(selection.stage, list(cells)) or f"the stages are {', '.join(cells)}"
    return UsageError(f"unknown stage `{selection.stage}`", hint=hint)


def _nearest(word: str, words: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _listed(words: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return between.join(f"`{word}`" for word in words[:SHOWN]) + more
