"""The prebuilt files that go into a wheel: found in the source, and where each one goes.

A resource is written ``PATH`` or ``PATH as WHEELPATH``; PATH may be a glob. Paths are relative to
the working directory, which is the source.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.inside.shared import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

MACHINES = {62: "x86_64", 183: "aarch64"}
"""Numbers of the ELF header (``e_machine``) and what tags call them."""

PLACES = frozenset({"data", "headers", "platlib", "purelib", "scripts"})
"""What a ``.data`` directory may hold."""

_WILDCARDS = frozenset("*?[")


def placed(resources: Iterable[str], stem: str) -> dict[str, Path]:
    """Return where prebuilt files go in the wheel, and each one's path in the source.

    ``stem`` is the finished wheel's ``NAME-VERSION``. RefusedError for a file that is not there,
    that leaves the source, or that goes where another one goes.
    """
    found: dict[str, Path] = {}
    for resource in resources:
        pattern, _, place = resource.partition(" as ")
        sources = matches(pattern)
        if not sources:
            raise RefusedError(
                f"`{pattern}` of `resources` is not in the source",
                hint="a wheel made from an sdist sees only what the sdist holds: have the backend "
                "put the file there, and git track it",
            )
        for source in sources:
            name = _place(source, place, stem)
            if name in found:
                raise RefusedError(
                    f"`{found[name]}` and `{source}` of `resources` both go to `{name}`",
                    hint="a place that ends with `/` is a directory: files keep their names in it",
                )
            found[name] = source
    return found


def matches(pattern: str) -> list[Path]:
    """Return the files of the source, relative to it, that a path or glob means; may be none."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise RefusedError(f"`{pattern}` of `resources` leaves the source")
    is_glob = not _WILDCARDS.isdisjoint(pattern)
    found = sorted(Path().glob(pattern)) if is_glob else [Path(pattern)]
    for source in found:
        if not source.resolve().is_relative_to(Path.cwd()):
            raise RefusedError(f"`{source}` of `resources` is a link that leaves the source")
    if not is_glob and found[0].is_dir():
        raise RefusedError(
            f"`{pattern}` of `resources` is a directory", hint=f"write `{pattern}/*` for its files"
        )
    return [source for source in found if source.is_file()]


def _place(source: Path, place: str, stem: str) -> str:
    """Return where a file goes: ``place``, or its own path without a leading ``src/``."""
    name = place or source.as_posix().removeprefix("src/")
    name += source.name if name.endswith("/") else ""
    parts = PurePosixPath(name).parts
    wrong = name.startswith("/") or ".." in parts or "\\" in name or not parts
    if wrong or parts[0].endswith(".dist-info"):
        raise RefusedError(f"`{name}` is no place for a prebuilt file in a wheel")
    if parts[0] != ".data":
        return "/".join(parts)
    if len(parts) < 3 or parts[1] not in PLACES:
        places = ", ".join(f"`.data/{word}/`" for word in sorted(PLACES))
        raise RefusedError(f"`{name}` is no place in a wheel", hint=f"the places are {places}")
    return "/".join((f"{stem}.data", *parts[1:]))


def check_machine(source: Path, platform: str) -> None:
    """Refuse a program for another machine; what is no program, or for a device, is let be."""
    with source.open("rb") as stream:
        head = stream.read(20)
    machine = MACHINES.get(int.from_bytes(head[18:20], "little"))
    if head.startswith(b"\x7fELF") and machine and not platform.endswith(f"_{machine}"):
        raise RefusedError(
            f"`{source}` is compiled for {machine}, but `resources` puts it into the wheel for "
            f"`{platform}`",
            hint="exchange the files of the targets, or build this one for the other machine",
        )
