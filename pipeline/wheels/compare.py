"""Compare two wheels or sdists member by member and name what makes them differ.

Reading is strict, so two archives that differ only in what readers disagree about are refused
rather than compared. Contents are hashed as streams; only those that differ are held, both at once.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.errors import VerificationError
from pipeline.files import sha256_file
from pipeline.wheels.causes import cause_of
from pipeline.wheels.views import open_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.wheels.views import Facts, Item, View

What = Literal[
    "name", "added", "removed", "content", "order", "time", "mode", "compression", "header"
]
# Differences of packing that usually hit every member alike; they are told once.
_FOLDED: frozenset[What] = frozenset({"time", "mode", "compression", "header"})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference. ``member`` is empty for the archive as a whole, ``cause`` may be empty."""

    member: str
    what: What
    cause: str = ""

    def __str__(self) -> str:
        subject = f"`{self.member}`: " if self.member else ""
        return f"{subject}{self.what}{f' ({self.cause})' if self.cause else ''}"


def compare(left: Path, right: Path) -> tuple[Difference, ...]:
    """Return what differs from ``left`` to ``right``, nothing when the bytes are the same.

    The file names are compared too. VerificationError when one of them cannot be read safely.
    """
    if _kind(left) != _kind(right):
        raise VerificationError(
            f"`{left.name}` and `{right.name}` are not of one kind, so nothing can be compared",
            hint="give two wheels or two sdists",
        )
    named: list[Difference] = []
    if left.name != right.name:
        named.append(Difference(member="", what="name", cause=_versus(left.name, right.name)))
    if sha256_file(left) == sha256_file(right):
        return tuple(named)
    with open_view(left) as before, open_view(right) as after:
        found = _folded(_differences(before, after))
    if not found:
        # Every member and every header we know is the same, so the rest is the compressor's work.
        found = (Difference(member="", what="compression", cause="of the same members"),)
    return (*named, *found)


def _kind(path: Path) -> str:
    return "sdist" if path.name.endswith(".tar.gz") else "wheel"


def _differences(left: View, right: View) -> Iterator[Difference]:
    before = {item.name: item for item in left.items}
    after = {item.name: item for item in right.items}
    for name in sorted(before.keys() - after.keys()):
        yield Difference(member=name, what="removed")
    for name in sorted(after.keys() - before.keys()):
        yield Difference(member=name, what="added")
    kept = [name for name in before if name in after]
    moved = _first_moved(kept, [name for name in after if name in before])
    if moved:
        yield Difference(member="", what="order", cause=f"from `{moved}` on")
    for name in sorted(kept):
        yield from _of_member(left, right, before[name], after[name])
    yield from _of_facts("", left.facts, right.facts)


def _first_moved(left: list[str], right: list[str]) -> str:
    return next((a for a, b in zip(left, right, strict=True) if a != b), "")


def _of_member(left: View, right: View, before: Item, after: Item) -> Iterator[Difference]:
    name = before.name
    if before.target != after.target:
        yield Difference(member=name, what="content", cause=_versus(before.target, after.target))
    elif left.digest(before) != right.digest(after):
        cause = cause_of(name, left.read(before), right.read(after))
        yield Difference(member=name, what="content", cause=cause)
    elif left.packed_digest(before) != right.packed_digest(after):
        yield Difference(
            member=name, what="compression", cause="the same content, packed otherwise"
        )
    if before.mode != after.mode:
        modes = stat.filemode(before.mode), stat.filemode(after.mode)
        yield Difference(member=name, what="mode", cause=_versus(*modes))
    if before.time != after.time:
        yield Difference(member=name, what="time", cause=_versus(before.time, after.time))
    yield from _of_facts(name, before.facts, after.facts)


def _of_facts(member: str, before: Facts, after: Facts) -> Iterator[Difference]:
    for (what, left), (_, right) in zip(before, after, strict=True):
        if left != right:
            yield Difference(member=member, what="header", cause=f"{what}: {_versus(left, right)}")


def _folded(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Tell what hits several members alike once, by the first of them and how many more."""
    groups: dict[tuple[str, What, str], list[Difference]] = {}
    for found in differences:
        own = "" if found.what in _FOLDED and found.member else found.member
        groups.setdefault((own, found.what, found.cause), []).append(found)
    return tuple(_first_of(group) for group in groups.values())


def _first_of(group: list[Difference]) -> Difference:
    first = group[0]
    if len(group) == 1:
        return first
    cause = f"{first.cause}, and {len(group) - 1} more"
    return Difference(member=first.member, what=first.what, cause=cause)


def _versus(left: str, right: str) -> str:
    return f"`{left}` against `{right}`"
