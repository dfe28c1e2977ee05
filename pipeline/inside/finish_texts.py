"""The texts of a wheel that finishing changes: its file name, METADATA and WHEEL.

Formats: the binary distribution format, core metadata, and PEP 440 for versions. What is not asked
for stays as it was, byte by byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.inside.shared import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE_NAME = re.compile(r"([^-]+)-([^-]+)((?:-[^-]+)?)-([^-]+-[^-]+-[^-]+)\.whl")
_PROJECT = re.compile(r"\s*[A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of a wheel's texts.

    ``platform`` is the tag of a wheel that holds prebuilt files, empty for one that holds none.
    ``suffix`` comes after the name (``cuda13``), ``local`` after the version (``cu130``); either
    may be empty. ``requires`` are further requirements.
    """

    platform: str = ""
    suffix: str = ""
    local: str = ""
    requires: tuple[str, ...] = ()

    def version(self, text: str) -> str:
        """Return a version with the local part, after the one that it may have (PEP 440)."""
        return f"{text}{'.' if '+' in text else '+'}{self.local}" if self.local else text

    def tag(self, text: str) -> str:
        """Return a tag with the platform for ``any``; one that has a platform keeps it."""
        if not self.platform or not text.endswith("-any"):
            return text
        return f"{text.removesuffix('any')}{self.platform}"


def finished_name(file_name: str, change: Change) -> tuple[str, str]:
    """Return the finished wheel's file name and its ``NAME-VERSION``, from the backend's."""
    match = _FILE_NAME.fullmatch(file_name)
    if not match:
        raise RefusedError(f"`{file_name}` is not the file name of a wheel")
    name, version, build, tags = match.groups()
    name += f"_{change.suffix}" if change.suffix else ""
    stem = f"{name}-{change.version(version)}"
    return f"{stem}{build}-{change.tag(tags)}.whl", stem


def edited_metadata(change: Change, data: bytes) -> bytes:
    """Return METADATA with the variant's name, version and requirements.

    What requires an extra of the project itself then means the variant.
    """
    head, *rest = re.split(rb"(?<=\n)(\r?\n)", data, maxsplit=1)
    lines = head.decode().removesuffix("\n").split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    name, version = _value(lines, "name"), _value(lines, "version")
    renamed = f"{name}-{change.suffix}" if change.suffix else name
    edited = []
    for line in lines:
        field, _, value = line.partition(":")
        project = _PROJECT.match(value)
        match field.lower():
            case "name" if change.suffix:
                edited.append(f"Name: {renamed}{end}")
            case "version" if change.local:
                edited.append(f"Version: {change.version(version)}{end}")
            case "requires-dist" if project and _canonical(project[0]) == _canonical(name):
                edited.append(f"{field}: {renamed}{value[project.end() :]}")
            case _:
                edited.append(line)
    lines = _with_requirements(edited, (f"{text}{end}" for text in change.requires))
    last = "\n" if head.endswith(b"\n") else ""
    return b"".join(("\n".join(lines).encode(), last.encode(), *rest))


def _value(lines: Iterable[str], field: str) -> str:
    values = [line.partition(":")[2] for line in lines if line.lower().startswith(f"{field}:")]
    if len(values) != 1:
        raise RefusedError(f"the METADATA of the wheel has {len(values)} lines `{field}`")
    return values[0].strip()


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _with_requirements(lines: list[str], requires: Iterable[str]) -> list[str]:
    """Return header lines with requirements after those that are there, none of them twice."""
    places = [n for n, line in enumerate(lines) if line.lower().startswith("requires-dist:")]
    known = {_bare(lines[place].partition(":")[2]) for place in places}
    new = {_bare(text): f"Requires-Dist: {text}" for text in requires}
    place = places[-1] + 1 if places else len(lines)
    added = [line for bare, line in new.items() if bare not in known]
    return [*lines[:place], *added, *lines[place:]]


def _bare(requirement: str) -> str:
    """Return a requirement without what may be written in several ways."""
    return re.sub(r"[\s()]", "", requirement).replace("_", "-").lower()


def edited_wheel_info(change: Change, data: bytes) -> bytes:
    """Return the file WHEEL: for a wheel with prebuilt files, of its platform and not pure."""
    if not change.platform:
        return data
    lines = []
    for line in data.decode().split("\n"):
        field, _, value = line.partition(":")
        end = "\r" if line.endswith("\r") else ""
        match field.lower():
            case "root-is-purelib":
                lines.append(f"Root-Is-Purelib: false{end}")
            case "tag":
                lines.append(f"Tag: {change.tag(value.strip())}{end}")
            case _:
                lines.append(line)
    return "\n".join(lines).encode()
