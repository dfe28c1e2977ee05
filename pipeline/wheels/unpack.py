"""An sdist as a directory of sources."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import sha256_file
from pipeline.wheels.names import parse_sdist_name
from pipeline.wheels.sdist import top_directory
from pipeline.wheels.tarread import read_sdist

if TYPE_CHECKING:
    from pathlib import Path


def unpack_sdist(file: Path, name: str, directory: Path, *, sha256: str, epoch: int) -> None:
    """Unpack the sdist called ``name`` that lies in ``file`` into an empty directory.

    Its top directory is left out; modes become 0644 and 0755, times ``epoch``. The strict reader
    has refused every name and link that would leave the directory. Raises VerificationError when
    the bytes are not those of ``sha256`` (the file is then removed) or the archive is malformed.
    """
    if sha256_file(file) != sha256:
        file.unlink()
        raise VerificationError(
            f"verification failed: the sha256 of `{name}` in the cache differs",
            hint="the file was dropped; run again to get it anew",
        )
    sdist = read_sdist(file)
    top = top_directory(file.with_name(name), parse_sdist_name(name), sdist)
    links = []
    for member in sdist.members:
        inside = PurePosixPath(member.name).relative_to(top)
        target = directory / inside
        if member.kind == "directory":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == "link":
            links.append((target, member.target))
            continue
        target.write_bytes(sdist.read(member))
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
        os.utime(target, (epoch, epoch))
    for target, pointed in links:  # last, so that nothing is written through one
        target.symlink_to(pointed)
        os.utime(target, (epoch, epoch), follow_symlinks=False)
    for parent, _, _ in os.walk(directory, topdown=False):
        os.utime(parent, (epoch, epoch))
