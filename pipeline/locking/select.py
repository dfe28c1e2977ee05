"""Which of a set's wheels a machine would choose: markers (PEP 508) and tags (PEP 425, 600)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.markers import Marker, default_environment
from packaging.tags import compatible_tags, cpython_tags, sys_tags
from packaging.utils import parse_wheel_filename

from pipeline.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.tags import Tag

    from pipeline.lock.types import LockedRequirement, PythonFile, RequirementSet

LEGACY_PLATFORMS = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""Names that manylinux tags had before PEP 600, by the glibc they stand for."""

OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}


def host_files(locked: RequirementSet) -> tuple[PythonFile, ...]:
    """Return the files of an environment for the interpreter that runs this; LockError."""
    return select(
        locked,
        tuple(sys_tags()),
        {name: str(value) for name, value in default_environment().items()},
    )


def select(
    locked: RequirementSet, tags: Sequence[Tag], environment: Mapping[str, str]
) -> tuple[PythonFile, ...]:
    """Return one wheel for each requirement that ``environment``'s markers ask for.

    ``tags`` are what the machine supports, best first. Raises LockError when a requirement has no
    wheel for it.
    """
    wanted = [r for r in locked.requirements if applies(r, environment)]
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    return tuple(_chosen(requirement, ranks) for requirement in wanted)


def applies(requirement: LockedRequirement, environment: Mapping[str, str]) -> bool:
    """Return whether a requirement's marker holds in an environment."""
    return not requirement.marker or Marker(requirement.marker).evaluate(dict(environment))


def _chosen(requirement: LockedRequirement, ranks: Mapping[Tag, int]) -> PythonFile:
    best = best_wheel(requirement.files, ranks)
    if best is None:
        raise LockError(
            f"the lock has no wheel of `{requirement.name}` {requirement.version} for this machine",
            hint="use a CPython on Linux or macOS that the project supports, or lock again",
        )
    return best


def best_wheel(files: Iterable[PythonFile], ranks: Mapping[Tag, int]) -> PythonFile | None:
    """Return the wheel with the best tag, then the highest build number; None when none fits."""
    best: tuple[tuple[int, tuple[int, str], str], PythonFile] | None = None
    for file in files:
        if not file.is_wheel:
            continue
        _, _, build, tags = parse_wheel_filename(file.name)
        fitting = [ranks[tag] for tag in tags if tag in ranks]
        if fitting:
            number, rest = build or (-1, "")
            order = (-min(fitting), (number, rest), file.name)
            best = (order, file) if best is None or order > best[0] else best
    return best[1] if best else None


def image_tags(python: str, glibc: str, machine: str) -> dict[Tag, int]:
    """Return the tags that CPython ``python`` (``3.11``) in an image supports, by their rank.

    ``glibc`` is like ``2.36``, ``machine`` the kernel's name.
    """
    version = tuple(int(part) for part in python.split("."))
    interpreter = f"cp{''.join(str(part) for part in version)}"
    platforms = tuple(linux_platforms(glibc, machine))
    tags = [
        *cpython_tags(version, abis=[interpreter], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    ]
    return {tag: rank for rank, tag in enumerate(dict.fromkeys(tags))}


def linux_platforms(glibc: str, machine: str) -> Iterator[str]:
    """Yield the platform tags of a Linux with a C library, best first."""
    yield f"linux_{machine}"
    major, minor = (int(part) for part in glibc.split("."))
    for older in range(minor, OLDEST_GLIBC_MINOR[machine] - 1, -1):
        yield f"manylinux_{major}_{older}_{machine}"
        legacy = LEGACY_PLATFORMS.get((major, older))
        if legacy:
            yield f"{legacy}_{machine}"


def linux_environment(python: str, machine: str) -> dict[str, str]:
    """Return what markers (PEP 508) see of CPython ``python`` (``3.11``) on a Linux machine."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
        "extra": "",
    }


def darwin_environment(python: str) -> dict[str, str]:
    """Return what markers see on an Apple machine of today."""
    linux = linux_environment(python, "arm64")
    return {**linux, "platform_system": "Darwin", "sys_platform": "darwin"}
