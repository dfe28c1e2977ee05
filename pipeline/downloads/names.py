"""What the files of a download cache are releases of, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from pipeline.errors import VerificationError
from pipeline.wheels.names import parse_sdist_name, parse_wheel_name

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pipeline.downloads.directory import Directory


def release_of(file: str) -> tuple[str, str] | None:
    """Return name (as PEP 503 compares it) and version of a wheel or sdist, None for others."""
    try:
        parsed = parse_wheel_name(file) if file.endswith(".whl") else parse_sdist_name(file)
    except VerificationError:
        return None
    return parsed.name.replace("_", "-"), parsed.version


def files_of(directory: Directory, name: str, version: str = "") -> tuple[str, ...]:
    """Return the files of a project, of one version where that is given.

    Names and versions are compared as PEP 503 and PEP 440 have it. Raises
    `packaging.version.InvalidVersion`.
    """
    found = []
    for file in directory.names():
        release = release_of(file)
        is_wanted = release and (not version or Version(release[1]) == Version(version))
        if release and release[0] == name and is_wanted:
            found.append(file)
    return tuple(found)


def unused(directory: Directory, kept: AbstractSet[str]) -> list[str]:
    """Return the files that are not among ``kept``.

    The sdist of a fork stays with its wheel: nobody else has what that was made from.
    """
    forked = {r for name in kept if (r := release_of(name)) and Version(r[1]).local}
    return [f for f in directory.names() if f not in kept and release_of(f) not in forked]


def forks(directory: Directory) -> dict[str, str]:
    """Return the highest version with a local part of each project that has a wheel here."""
    found: dict[str, str] = {}
    for file in directory.names():
        release = release_of(file) if file.endswith(".whl") else None
        if release and Version(release[1]).local:
            name, version = release
            found[name] = str(max(Version(found.get(name, version)), Version(version)))
    return found
