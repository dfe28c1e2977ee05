"""Debian's version order and relations (deb-version(7), deb-control(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

PART = re.compile(r"(\D*)(\d*)")
RELATION = re.compile(
    r"\s*([a-z0-9][a-z0-9.+-]*)(?::[a-z0-9]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?"
    r"\s*(?:\[[^\]]*\])?\s*(?:<[^>]*>\s*)*"
)


@total_ordering
class Version:
    """A version that compares as dpkg does."""

    def __init__(self, text: str) -> None:
        epoch, colon, rest = text.partition(":")
        upstream, dash, revision = (rest if colon else text).rpartition("-")
        self._key = (
            int(epoch) if colon and epoch.isdigit() else 0,
            _sortable(upstream if dash else revision),
            _sortable(revision if dash else ""),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _sortable(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Return a key by which parts of versions sort: runs of other characters, then of digits.

    A tilde sorts before the end of the text, the end before letters, letters before the rest.
    """
    parts = []
    for other, digits in PART.findall(text):
        weights = tuple(_weight(character) for character in other)
        parts.append(((*weights, 0), int(digits or 0)))
    return tuple(parts)


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One alternative of a dependency: a name and, where given, a bound on its version."""

    name: str
    operator: str = ""
    version: str = ""

    def admits(self, version: str) -> bool:
        """Return whether a package of this version satisfies the relation."""
        if not self.operator:
            return True
        left, right = Version(version), Version(self.version)
        match self.operator:
            case "<<":
                return left < right
            case "<=" | "<":  # `<` and `>` are old spellings that mean "or equal"
                return left <= right
            case "=":
                return left == right
            case ">=" | ">":
                return left >= right
            case _:
                return left > right

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name


def relations(text: str) -> tuple[tuple[Relation, ...], ...]:
    """Return the clauses of a field such as ``Depends``, each a tuple of alternatives.

    Raises ValueError for what is no relation.
    """
    return tuple(
        tuple(_relation(alternative) for alternative in clause.split("|"))
        for clause in text.split(",")
        if clause.strip()
    )


def _relation(text: str) -> Relation:
    match = RELATION.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text.strip()}` is not a relation between packages")
    return Relation(name=match[1], operator=match[2] or "", version=match[3] or "")
