"""A locked set as ``pylock.toml`` (PEP 751), which pip and uv install from.

That file wants to know where each wheel is to be had, and `pipeline.lock` names no host. So the
addresses are those of the index of the machine that wrote it first; they stay as long as the wheel
is locked, whoever locks again. Wheels of a directory in the repository are named by their path.
"""

from __future__ import annotations

import json
import os
import tomllib
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import LockError
from pipeline.lock.file import is_in_conflict
from pipeline.locking.requirements import HEADER
from pipeline.network.addresses import local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.lock.types import LockedRequirement, PythonFile, RequirementSet
    from pipeline.locking.index import Index
    from pipeline.platforms import Workplace

Address = tuple[str, str]
"""Where a wheel is to be had: ``url`` or ``path``, and its value."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a file is written for: an environment, and what built wheels of its projects.

    ``python`` is the oldest interpreter, as ``3.11``; ``sources`` are directories that are to be
    importable as they stand; ``build`` has sets by the stage and base that they are for.
    """

    environment: str
    python: str
    platforms: Sequence[Workplace]
    sources: Sequence[str]
    epoch: int
    build: Mapping[str, RequirementSet]


def pylock_text(locked: RequirementSet, origin: Origin, addresses: Mapping[str, Address]) -> str:
    """Return the file; ``addresses`` by sha256. A wheel without one is written without."""
    markers = [place.marker for place in origin.platforms]
    lines = [
        'lock-version = "1.0"',
        _array("environments", map(_text, markers)),
        f"requires-python = {_text(f'>={origin.python}')}",
        'created-by = "pipeline"',
    ]
    for requirement in locked.requirements:
        lines += ["", "[[packages]]", *_package(requirement, addresses)]
    return HEADER + "\n".join([*lines, "", *_tool(origin)]) + "\n"


def _package(requirement: LockedRequirement, addresses: Mapping[str, Address]) -> Iterator[str]:
    yield f"name = {_text(requirement.name)}"
    yield f"version = {_text(requirement.version)}"
    if requirement.marker:
        yield f"marker = {_text(requirement.marker)}"
    yield _array("wheels", (_wheel(file, addresses) for file in requirement.files))


def _wheel(file: PythonFile, addresses: Mapping[str, Address]) -> str:
    fields = [f"name = {_text(file.name)}"]
    if address := addresses.get(file.sha256):
        fields.append(f"{address[0]} = {_text(address[1])}")
    fields += [f"size = {file.size}", f"hashes = {{ sha256 = {_text(file.sha256)} }}"]
    return f"{{ {', '.join(fields)} }}"


def _tool(origin: Origin) -> Iterator[str]:
    """Yield what PEP 751 has no place for: what was locked to build the projects with."""
    yield "[tool.pipeline]"
    yield f"environment = {_text(origin.environment)}"
    yield f"epoch = {origin.epoch}"
    yield f"editable = [{', '.join(map(_text, origin.sources))}]"
    for name, locked in origin.build.items():
        yield ""
        yield f"[tool.pipeline.build.{_text(name)}]"
        yield _array("packages", (_built_with(r, f) for r in locked.requirements for f in r.files))


def _built_with(requirement: LockedRequirement, file: PythonFile) -> str:
    fields = {
        "name": requirement.name,
        "version": requirement.version,
        "file": file.name,
        "sha256": file.sha256,
    }
    return f"{{ {', '.join(f'{key} = {_text(value)}' for key, value in fields.items())} }}"


def _array(name: str, values: Iterable[str]) -> str:
    return "\n".join([f"{name} = [", *(f"    {value}," for value in values), "]"])


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def written_addresses(path: Path) -> dict[str, Address]:
    """Return the addresses that a file written earlier has, by sha256; none where it is no lock.

    Of a file in a merge conflict those of both sides count.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(_both_sides(text) if is_in_conflict(text.encode()) else text)
        wheels = [wheel for package in document["packages"] for wheel in package["wheels"]]
        return {
            str(wheel["hashes"]["sha256"]): (key, str(wheel[key]))
            for wheel in wheels
            for key in ("url", "path")
            if key in wheel
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _both_sides(text: str) -> str:
    """Return a document of the wheels of both sides of a conflict: each stands on one line."""
    wheels = [line for line in text.splitlines() if "hashes = {" in line]
    return "\n".join(["[[packages]]", "wheels = [", *wheels, "]"])


def found_addresses(
    files: Iterable[PythonFile], index: Index, *, root: Path, beside: Path
) -> dict[str, Address]:
    """Ask this machine's indexes where files are to be had, for a file in directory ``beside``.

    Raises LockError for a file that is only in a directory outside of the repository at ``root``,
    NetworkError.
    """
    return {file.sha256: _found(file, index, root, beside) for file in files}


def _found(file: PythonFile, index: Index, root: Path, beside: Path) -> Address:
    for address in index.addresses(file.name, file.sha256):
        path = local_path(address)
        if path is None:
            return "url", _anonymous(address)
        if path.resolve().is_relative_to(root.resolve()):
            return "path", os.path.relpath(path.resolve(), beside.resolve()).replace(os.sep, "/")
    raise LockError(
        f"no index has `{file.name}` with the locked bytes, and a `pylock.toml` must say where "
        "others get it",
        hint="offer it on an index or in a `find-links` directory of the repository, or export "
        "requirements (`.txt`)",
    )


def _anonymous(address: str) -> str:
    """Return an address without user, password and fragment."""
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
