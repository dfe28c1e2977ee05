"""What moved between two locks, for people: old and new version, where, and why.

A section that is new or gone is one row as a whole, and so is a package that moved alike in several
places.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.lock.types import Declared, Lock, LockedImage, RequirementSet

DECLARED = "declared otherwise"
FOLLOWS = "with the others"
SAME_VERSION = "other files of the same version"
OTHER_BYTES = "a file of the same name has other bytes"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A package or section that is locked otherwise than before.

    ``old`` is empty where it was not locked, ``new`` where it is no more. ``kind`` is ``Debian``,
    ``Python``, ``base`` (of an image) or ``section``. ``why`` is the flag that asked for it, or
    what brought it about; ``notes`` are what to beware of.
    """

    kind: str
    name: str
    old: str
    new: str
    where: tuple[str, ...]
    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A package in a section: its versions, and the sha256 of its files by their names."""

    versions: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def words(self) -> str:
        """Its versions, as people read them."""
        return ", ".join(self.versions)


@dataclass(frozen=True, kw_only=True)
class Section:
    """An image, stage or environment: what it was resolved from, its packages by kind and name."""

    declared: tuple[Declared, ...]
    pins: Mapping[tuple[str, str], Pin]


def moved(
    then: Lock, now: Lock, update: frozenset[str] | None, *, follows: str = FOLLOWS
) -> list[Moved]:
    """Return what moved, by name; ``update`` is what was asked to move, None for everything.

    ``follows`` says why a package moved that nobody asked for, in a section declared as before.
    """
    before, after = dict(_sections(then)), dict(_sections(now))
    rows = [_whole(label, after.get(label)) for label in before.keys() ^ after.keys()]
    alike: dict[Moved, list[str]] = defaultdict(list)
    for label in sorted(before.keys() & after.keys()):
        old, new = before[label], after[label]
        for kind, name in sorted(old.pins.keys() | new.pins.keys()):
            pins = old.pins.get((kind, name)), new.pins.get((kind, name))
            if pins[0] != pins[1]:
                other = DECLARED if old.declared != new.declared else follows
                why = _asked(label, name, update) or other
                alike[_row(kind, name, *pins, why)].append(label)
    rows += [_at(row, where) for row, where in alike.items()]
    return sorted(rows, key=lambda row: (row.kind == "section", row.name, row.old, row.where))


def _row(kind: str, name: str, old: Pin | None, new: Pin | None, why: str) -> Moved:
    notes: tuple[str, ...] = ()
    if old and new and old.versions == new.versions:
        same = all(new.files.get(file, digest) == digest for file, digest in old.files.items())
        notes = (SAME_VERSION if same else OTHER_BYTES,)
    words = [pin.words if pin else "" for pin in (old, new)]
    return Moved(kind=kind, name=name, old=words[0], new=words[1], where=(), why=why, notes=notes)


def _at(row: Moved, where: Iterable[str]) -> Moved:
    return Moved(**{**vars(row), "where": tuple(where)})


def _whole(label: str, now: Section | None) -> Moved:
    count = len(now.pins) if now else 0
    told = f"{count} package{'s' * (count != 1)}" if now else ""
    return Moved(
        kind="section", name=label, old="" if now else "locked", new=told, where=(), why=DECLARED
    )


def _asked(label: str, name: str, update: frozenset[str] | None) -> str:
    """Return the flag that asked for a package to move; empty when none did."""
    if update is None:
        return "--upgrade"
    section = label.partition(" ")[2]
    asked = {section, *(word for word in update if normal(word) == name)} & update
    return f"--update {min(asked)}" if asked else ""


def _sections(lock: Lock) -> Iterator[tuple[str, Section]]:
    for name, image in lock.images.items():
        yield f"image {name}", _image(image)
    for name, stage in lock.stages.items():
        yield f"stage {name}", _sets(stage.sets.values())
    for name, locked in lock.environments.items():
        yield f"environment {name}", _sets([locked])
    for source, file in lock.sources.items():
        name, _, version = source.partition("==")
        pin = Pin(versions=(version,), files={file.name: file.sha256})
        yield f"source {source}", Section(declared=(), pins={("Python", normal(name)): pin})


def _image(image: LockedImage) -> Section:
    rows: list[tuple[str, str, str, str, str]] = []
    for platform, locked in image.platforms.items():
        for package in locked.packages:
            version, path = package.version, package.path
            rows.append(("Debian", package.name, version, path, package.sha256))
        for wheel in locked.wheels:
            name, version = wheel.name.split("-")[:2]
            rows.append(("Python", normal(name), version, wheel.name, wheel.sha256))
        if locked.base:
            digest = locked.base.manifest.sha256
            rows.append(("base", locked.base.source, digest[:12], platform, digest))
    return Section(declared=(image.declared,), pins=_pins(rows))


def _sets(sets: Iterable[RequirementSet]) -> Section:
    found = list(sets)
    rows = [
        ("Python", normal(requirement.name), requirement.version, file.name, file.sha256)
        for locked in found
        for requirement in locked.requirements
        for file in requirement.files
    ]
    return Section(declared=tuple(locked.declared for locked in found), pins=_pins(rows))


def _pins(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[tuple[str, str], Pin]:
    """Return packages by kind and name, from rows of these two, version, file and sha256."""
    found: dict[tuple[str, str], tuple[set[str], dict[str, str]]] = {}
    for kind, name, version, file, digest in rows:
        versions, files = found.setdefault((kind, name), (set(), {}))
        versions.add(version)
        files[file] = digest
    return {
        key: Pin(versions=tuple(sorted(versions)), files=files)
        for key, (versions, files) in found.items()
    }
