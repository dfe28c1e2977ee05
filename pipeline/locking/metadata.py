"""A distribution's core metadata, as far as dependencies go, and what an sdist holds of it."""

from __future__ import annotations

import gzip
import re
import tarfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement

from pipeline.errors import LockError, VerificationError
from pipeline.project.pyproject import Project, normal, parse_project
from pipeline.wheels.metadata import parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.requirements import Requirement

STATIC_SINCE = (2, 2)
"""From this version on an sdist's metadata says which of its fields are final (PEP 643)."""

MEMBER_LIMIT = 8 << 20
MEMBERS_LIMIT = 100_000


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """``requires`` are the Requires-Dist lines; ``is_static`` whether they are final."""

    name: str
    requires: tuple[str, ...]
    is_static: bool

    def dependencies(self, extras: Iterable[str], environment: Mapping[str, str]) -> list[str]:
        """Return what is needed with some extras in an environment, without markers, sorted.

        Raises LockError for a malformed line.
        """
        wanted = ("", *extras)
        return sorted(
            {_plain(r) for r in map(_parsed, self.requires) if _holds(r, wanted, environment)}
        )


def parse(text: str) -> Metadata:
    """Return the metadata of a METADATA or PKG-INFO text."""
    message = HeaderParser().parsestr(text)
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", message.get("Metadata-Version", "").strip())
    version = (int(found[1]), int(found[2])) if found else (1, 0)
    dynamic = {str(value).lower() for value in message.get_all("Dynamic", [])}
    return Metadata(
        name=message.get("Name", ""),
        requires=tuple(str(value) for value in message.get_all("Requires-Dist", [])),
        is_static=version >= STATIC_SINCE and "requires-dist" not in dynamic,
    )


def _parsed(line: str) -> Requirement:
    try:
        return parse_requirement(line)
    except InvalidRequirement as error:
        raise LockError(f"`{line[:300]}` in a distribution's metadata is no requirement") from error


def _holds(requirement: Requirement, extras: Iterable[str], environment: Mapping[str, str]) -> bool:
    marker = requirement.marker
    try:
        return marker is None or any(marker.evaluate({**environment, "extra": e}) for e in extras)
    except ValueError as error:  # it compares what cannot be compared
        raise LockError(f"`{requirement}` has a marker that means nothing: {error}") from error


def _plain(requirement: Requirement) -> str:
    requirement.marker = None
    return str(requirement)


def read_sdist(path: Path, where: str) -> tuple[Project, Metadata]:
    """Return what an sdist (``.tar.gz``) says of its build and of its dependencies.

    Nothing is unpacked. Raises VerificationError for what is no sdist.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = _members(archive)
    except (OSError, EOFError, tarfile.TarError, gzip.BadGzipFile) as error:
        raise VerificationError(f"`{where}` is not a readable sdist: {error}") from error
    project = parse_project(found.get("pyproject.toml", b""), where, Path("/nonexistent"))
    text = found.get("PKG-INFO", b"").decode(errors="replace")
    return project, _declared(project, text) or parse(text)


def _declared(project: Project, text: str) -> Metadata | None:
    """Return what ``[project]`` says, None where it leaves dependencies or extras to the backend.

    A backend may add nothing to what is declared there (PEP 621), whatever the version of PKG-INFO.
    """
    named = {normal(str(e)) for e in HeaderParser().parsestr(text).get_all("Provides-Extra", [])}
    if project.dependencies is None or not named <= set(project.extras):
        return None
    extras = (
        _only_with(requirement, extra)
        for extra in sorted(project.extras)
        for requirement in project.extra_requires(extra)
    )
    return Metadata(name=project.name, requires=(*project.dependencies, *extras), is_static=True)


def _only_with(line: str, extra: str) -> str:
    requirement = _parsed(line)
    also = f"({requirement.marker}) and " if requirement.marker else ""
    try:
        requirement.marker = Marker(f'{also}extra == "{extra}"')
    except InvalidMarker as error:
        raise LockError(f"`{extra[:300]}` is no name of an extra") from error
    return str(requirement)


def _members(archive: tarfile.TarFile) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for count, member in enumerate(archive):
        if count > MEMBERS_LIMIT:
            raise tarfile.TarError(f"it has more than {MEMBERS_LIMIT} members")
        folder, slash, name = member.name.partition("/")
        if folder and slash and name in {"pyproject.toml", "PKG-INFO"} and member.isfile():
            if member.size > MEMBER_LIMIT:
                raise tarfile.TarError(f"`{name}` is too large")
            stream = archive.extractfile(member)
            found[name] = stream.read() if stream else b""
    return found
