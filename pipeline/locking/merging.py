"""Two sides of a merge made one lock to resolve from, the same whichever side is called ours.

What both agree on stays. What one side alone changed is taken from it. Where both changed the same
set, each package is taken in that way, and of two new versions the higher one; the set is then
resolved again, with these versions preferred. The declarations decide in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from packaging.version import InvalidVersion, Version

from pipeline.lock.types import Lock, LockedRequirement, LockedStage, RequirementSet

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
Package = tuple[LockedRequirement, ...]


def merged(base: Lock, ours: Lock, theirs: Lock) -> Lock:
    """Return what to resolve from; ``base`` is an empty lock where the sides have no common one.

    An image that both changed is not in it, and so is resolved anew.
    """
    images, _ = _sides(base.images, ours.images, theirs.images)
    sources, _ = _sides(base.sources, ours.sources, theirs.sources)
    return Lock(
        epoch=max(ours.epoch, theirs.epoch),
        images=images,
        stages={
            name: LockedStage(sets=_sets(*(_of_stage(lock, name) for lock in (base, ours, theirs))))
            for name in sorted(ours.stages.keys() | theirs.stages.keys())
        },
        environments=_sets(base.environments, ours.environments, theirs.environments),
        sources=sources,
    )


def _of_stage(lock: Lock, name: str) -> Mapping[str, RequirementSet]:
    return lock.stages[name].sets if name in lock.stages else {}


def _sides(
    base: Mapping[str, T], ours: Mapping[str, T], theirs: Mapping[str, T]
) -> tuple[dict[str, T], list[str]]:
    """Return the values that are not in doubt, and the names of those that both sides changed.

    What one side removed and the other left alone is gone.
    """
    found: dict[str, T] = {}
    doubtful = []
    for name in sorted(ours.keys() | theirs.keys()):
        old, left, right = base.get(name), ours.get(name), theirs.get(name)
        chosen = left if right in (left, old) else right
        if left not in (right, old) and right != old:
            doubtful.append(name)
        elif chosen is not None:
            found[name] = chosen
    return found, doubtful


def _sets(
    base: Mapping[str, RequirementSet],
    ours: Mapping[str, RequirementSet],
    theirs: Mapping[str, RequirementSet],
) -> dict[str, RequirementSet]:
    found, doubtful = _sides(base, ours, theirs)
    for name in doubtful:
        sides = [_packages(side.get(name)) for side in (base, ours, theirs)]
        kept, both = _sides(*sides)
        for package in both:
            choices = [side[package] for side in sides[1:] if package in side]
            kept[package] = max(choices, key=_height)
        rows = tuple(row for package in sorted(kept) for row in kept[package])
        # Nothing is declared as nothing, so that the set counts as stale and is resolved again.
        found[name] = RequirementSet(declared={}, requirements=rows)
    return found


def _packages(locked: RequirementSet | None) -> dict[str, Package]:
    found: dict[str, Package] = {}
    for requirement in locked.requirements if locked else ():
        found[requirement.name] = (*found.get(requirement.name, ()), requirement)
    return found


def _height(package: Package) -> tuple[list[Version], str]:
    """Return what orders two choices of a package: their versions, then anything that is fixed."""
    return sorted((_version(row.version) for row in package), reverse=True), repr(package)


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")
