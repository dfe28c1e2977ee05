"""What is looked for in a wheel before it is repaired, and how it is told.

auditwheel refuses most of it as well, in a few general words and one thing at a time.
"""

from __future__ import annotations

import io
import sys
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.inside.elf import MAGIC, Elf, offered, read
from pipeline.inside.repair_symbols import Policy, bound, oldest, too_new
from pipeline.inside.shared import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MUSL = "libc.so"
"""What zig and plain musl call the C library; Alpine's name for it is in auditwheel's policy."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was declared: the tag without its machine, the machine, libraries to leave out."""

    tag: str
    machine: str
    exclude: tuple[str, ...]

    @property
    def libc(self) -> str:
        """The C library that the tag is for: ``glibc`` or ``musl``."""
        return "musl" if self.tag.startswith("musl") else "glibc"

    @property
    def platform(self) -> str:
        """The whole tag."""
        return f"{self.tag}_{self.machine}"


@dataclass(frozen=True, kw_only=True)
class Graft:
    """A library from outside that a wheel needs; ``path`` is None where it was not found."""

    soname: str
    path: Path | None


def elves_of(wheel: Path) -> Iterator[Elf]:
    """Yield the ELF files of a wheel, in the order of their names."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            with archive.open(name) as member:
                if member.read(len(MAGIC)) != MAGIC:
                    continue
            yield read(name, io.BytesIO(archive.read(name)))


def refuse_strangers(wheel: Path, elves: Sequence[Elf], wanted: Wanted) -> None:
    """Refuse a wheel without ELF files, or with some for another machine or C library."""
    if not elves:
        raise RefusedError(
            f"`{wheel.name}` holds nothing compiled, so `{wanted.tag}` would say nothing of it",
            hint="take `repair` out of the stage, or have the backend make a pure wheel",
        )
    machines = [
        f"`{elf.name}` is for {elf.machine}, and the wheel is to be `{wanted.platform}`"
        for elf in elves
        if elf.machine != wanted.machine
    ]
    if machines:
        raise RefusedError(*machines, hint="see that the compiler builds for the cell's target")
    libraries = [
        f"`{elf.name}` is linked against {libc} (`{soname}`), so it cannot be `{wanted.tag}`"
        for elf in elves
        for soname in elf.needed
        if (libc := _libc(soname)) not in {"", wanted.libc}
    ]
    if libraries:
        hint = "build it with a compiler for that C library, or declare another `repair`"
        raise RefusedError(*libraries, hint=hint)


def _libc(soname: str) -> str:
    """Return the C library that a name stands for, empty where it is another library's."""
    if soname == MUSL or soname.startswith(("libc.musl-", "ld-musl-")):
        return "musl"
    return "glibc" if soname == "libc.so.6" or soname.startswith("ld-linux") else ""


def refuse_missing(files: Sequence[Elf], grafts: Sequence[Graft], place: str) -> None:
    """Refuse a wheel that needs a library which is not in the image, or in the sysroot.

    ``files`` are those of the wheel and those from outside: either may need it.
    """
    sentences = [
        f"`{graft.soname}`, which {_needers(files, graft.soname)} needs, is not in the {place}, "
        "so it cannot be put into the wheel"
        for graft in grafts
        if graft.path is None
    ]
    if sentences:
        raise RefusedError(
            *sentences,
            hint="add the Debian package that holds it to the image's `packages`, or, where those "
            "who install the wheel have it, name it in `repair-exclude`",
        )


def _needers(files: Iterable[Elf], soname: str) -> str:
    return " and ".join(f"`{elf.name}`" for elf in files if soname in elf.needed) or "the wheel"


def opened(grafts: Iterable[Graft]) -> Iterator[Elf]:
    """Yield the libraries from outside, by their paths."""
    for graft in grafts:
        if graft.path is not None:
            with graft.path.open("rb") as stream:
                yield read(str(graft.path), stream)


def with_loose_bound(elves: Sequence[Elf], directories: Sequence[str]) -> tuple[Elf, ...]:
    """Return the files with their loose symbols bound to the libraries in the directories."""
    sonames = {soname for elf in elves if elf.loose for soname in elf.needed}
    offers = {}
    for soname in sorted(sonames):
        places = (Path(directory) / soname for directory in directories)
        if library := next((place for place in places if place.is_file()), None):
            with library.open("rb") as stream:
                offers[soname] = offered(stream)
    return tuple(bound(elf, offers) for elf in elves)


def refuse_too_new(
    elves: Sequence[Elf],
    vendored: Sequence[Elf],
    policies: Mapping[str, Policy],
    wanted: Wanted,
) -> None:
    """Refuse a wheel with symbols that are newer than its tag allows."""
    policy = policies[wanted.tag]
    own, foreign = list(too_new(elves, policy)), list(too_new(vendored, policy))
    if not own and not foreign:
        return
    other = oldest([*elves, *vendored], policies.values())
    remedies = [
        (
            own,
            "have zig (`ziglang` in the image's `python`) link an older version, if any",
        ),
        (foreign, "leave the library out with `repair-exclude`"),
        (other, f"declare `repair: {other}`"),
    ]
    hint = "; or ".join(remedy for reason, remedy in remedies if reason)
    raise RefusedError(*own, *foreign, hint=hint)


def note_unused(files: Sequence[Elf], wanted: Wanted) -> None:
    """Say which patterns leave nothing out: one of them may be misspelt."""
    needed = {soname for elf in files for soname in elf.needed}
    for pattern in wanted.exclude:
        if not any(fnmatch(soname, pattern) for soname in needed):
            sys.stderr.write(f"note: `{pattern}` of `repair-exclude` fits no library it needs\n")
