"""Bring an sdist into its one canonical form (source distribution format, PEP 625)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pipeline.wheels.archive import appearing, refusal
from pipeline.wheels.names import parse_sdist_name, same_stem
from pipeline.wheels.tarread import read_sdist
from pipeline.wheels.tarwrite import NewMember, write_targz

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.wheels.names import SdistName
    from pipeline.wheels.tarread import Sdist


def normalise_sdist(file: Path, directory: Path, *, epoch: int) -> Path:
    """Write the canonical form of an sdist into ``directory``; see `normalise.normalise`.

    Files keep their content, links their target. Directories are implied by what is in them, so
    an empty one is lost, as git loses it.
    """
    name = parse_sdist_name(file.name)
    sdist = read_sdist(file)
    top = top_directory(file, name, sdist)
    members = sorted(
        (
            NewMember(
                name=name.stem + member.name.removeprefix(top),
                data=sdist.read(member) if member.kind == "file" else b"",
                executable=bool(member.mode & stat.S_IXUSR),
                target=member.target,
            )
            for member in sdist.members
            if member.kind != "directory"
        ),
        key=lambda member: member.name,
    )
    packed = write_targz(members, epoch=epoch)
    target = directory / name.file_name
    with appearing(target) as stream:
        stream.write(packed)
    return target


def top_directory(file: Path, name: SdistName, sdist: Sdist) -> str:
    """Return the single top directory; VerificationError unless it is as the file name says."""
    tops = sorted({member.name.partition("/")[0] for member in sdist.members})
    if len(tops) > 1 or not same_stem(tops[0], name.stem):
        listed = ", ".join(f"`{top}`" for top in tops[:3])
        raise refusal(file, f"it has {listed} at its top where `{name.stem}` should be alone")
    if not any(
        member.name == f"{tops[0]}/PKG-INFO" and member.kind == "file" for member in sdist.members
    ):
        raise refusal(file, f"it has no `{tops[0]}/PKG-INFO`", hint="build it with a backend")
    return tops[0]
