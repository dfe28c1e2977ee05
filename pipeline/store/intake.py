"""Files on their way in: many at once into blobs, or one that is already on this file system."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import CHUNK, sha256_file
from pipeline.store.blobs import Blobs, Pending, open_new

if TYPE_CHECKING:
    from pathlib import Path


class TreeIntake:
    """Collects the files of a tree in a directory of the room and publishes them together.

    Together, because one wait for the disk is cheaper than one for each file.
    """

    def __init__(self, blobs: Blobs, directory: Path) -> None:
        self._blobs = blobs
        self._directory = directory
        self._pending: list[Pending] = []

    def publish(self) -> None:
        """Make blobs of what was taken; raises OSError."""
        self._blobs.publish(self._pending)

    def take(self, descriptor: int) -> tuple[str, int]:
        """Copy an open file, unless it fits into memory and is stored already.

        Returns its digest and size in bytes; raises OSError.
        """
        data = os.read(descriptor, CHUNK)
        found = hashlib.sha256(data)
        if len(data) < CHUNK and self._blobs.size(found.hexdigest()) == len(data):
            return found.hexdigest(), len(data)
        temporary = self._directory / str(len(self._pending))
        size = 0
        with open_new(temporary) as stream:
            while data:
                size += stream.write(data)
                data = os.read(descriptor, CHUNK)
                found.update(data)
        item = Pending(temporary=temporary, digest=found.hexdigest(), size=size)
        self._pending.append(item)
        return item.digest, size


def adopt(blobs: Blobs, path: Path, digest: str) -> None:
    """Make a file of the store's file system the blob ``digest``, moving it.

    Raises VerificationError, with the file removed, when its bytes are others; OSError.
    """
    os.chmod(path, 0o444)
    found = sha256_file(path)
    if found != digest:
        path.unlink()
        raise VerificationError(
            f"the downloaded file has sha256 `{found}` where `{digest}` was expected",
            hint="fetch it again; when it stays so, its source has changed it",
        )
    blobs.publish([Pending(temporary=path, digest=digest, size=path.stat().st_size)])
