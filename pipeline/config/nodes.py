"""What a declaration's file holds before anyone knows what it means: a tree with places.

Named tuples, since a data class costs seven times as much to define, on every run.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.config.fields import Location


class Scalar(NamedTuple):
    """A single value as text; ``plain`` when it stands without quotes and is not a block."""

    text: str
    plain: bool
    at: Location


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    at: Location


class Mapping(NamedTuple):
    """Keys and values in the order of the file, no key twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    at: Location


Node = Scalar | Sequence | Mapping


def place(file: str, before: str) -> Location:
    """Return the location right after the text ``before`` of a file."""
    line = before.count("\n")
    return Location(file=file, line=line + 1, column=len(before) - before.rfind("\n"))
