"""OCI archives: an image layout in one tar file, kept in a repository or attached to a release.

Reading is strict, looks only at the headers it has to, and hands out blobs by their digest, so
that an archive made by any tool serves: ``docker save``, ``skopeo copy``, ``buildx --output
type=oci``.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, VerificationError
from pipeline.files import CHUNK
from pipeline.images.layertar import LayerTar
from pipeline.registry.manifest import MANIFEST_LIMIT, Index, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.lock.types import ImageBlob
    from pipeline.registry.manifest import Descriptor
    from pipeline.store.store import Store

BLOBS = "blobs/sha256/"
MEMBER_LIMIT = 10_000


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a member's content stands in the archive; ``size`` in bytes."""

    offset: int
    size: int


class Archive:
    """An archive that is open for reading (a `pipeline.registry.pin.Documents`).

    ``name`` is its path in the repository. Errors are VerificationError.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.source = f"archive {name}"
        self._stream = stream
        self._places = dict(_members(stream, name))

    def top(self) -> bytes:
        """Return ``index.json``."""
        return self._small("index.json")

    def document(self, descriptor: Descriptor) -> bytes:
        """Return a manifest, an index or a configuration."""
        return self._small(BLOBS + descriptor.sha256)

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """Yield the bytes of a blob, which are not checked."""
        place = self._place(BLOBS + sha256)
        self._stream.seek(place.offset)
        left = place.size
        while left and (piece := self._stream.read(min(left, CHUNK))):
            left -= len(piece)
            yield piece
        if left:
            raise VerificationError(f"the archive `{self.name}` is cut short")

    def _small(self, member: str) -> bytes:
        place = self._place(member)
        if place.size > MANIFEST_LIMIT:
            raise VerificationError(f"`{member}` in `{self.name}` is absurdly large")
        self._stream.seek(place.offset)
        return self._stream.read(place.size)

    def _place(self, member: str) -> Place:
        if member not in self._places:
            raise VerificationError(
                f"the archive `{self.name}` holds no `{member}`, so it is no whole OCI archive",
                hint="write it again with `pipeline export image`, or run `pipeline lock` when it "
                "was replaced by another one",
            )
        return self._places[member]


@contextmanager
def opened(root: Path, name: str) -> Iterator[Archive]:
    """Give the archive ``name`` of the repository at ``root``; ConfigError when it is not there."""
    try:
        with open(root / name, "rb") as stream:
            yield Archive(stream, name)
    except OSError as error:
        raise ConfigError(
            f"the archive `{name}`, which an image starts from, cannot be read: {error.strerror}",
            hint="put it there, or name another one",
        ) from error


def held(root: Path, name: str) -> list[str]:
    """Return the sha256 of the images an archive holds; ConfigError, VerificationError."""
    with opened(root, name) as archive:
        found = read(archive.top(), name)
    if not isinstance(found, Index):
        raise VerificationError(f"the index of the archive `{name}` is no index")
    return [one.sha256 for one in found.manifests]


def take(root: Path, blobs: list[ImageBlob], store: Store) -> None:
    """Bring blobs from the archives they are in into the store, each checked on its way."""
    for name in sorted({archive_of(blob) for blob in blobs}):
        with opened(root, name) as archive:
            for blob in blobs:
                if archive_of(blob) == name:
                    with store.new_blob(blob.sha256) as writer:
                        for piece in archive.pieces(blob.sha256):
                            writer.write(piece)


def archive_of(blob: ImageBlob) -> str:
    """Return the archive that a blob is in, empty when it is in a registry."""
    word, _, name = blob.source.partition(" ")
    return name if word == "archive" else ""


def _members(stream: BinaryIO, name: str) -> Iterator[tuple[str, Place]]:
    file = _Seeking(stream)
    for count, member in enumerate(LayerTar(file, name)):
        if count >= MEMBER_LIMIT:
            raise VerificationError(f"the archive `{name}` has an absurd number of members")
        if member.kind == "file":
            yield member.path.decode(), Place(offset=file.offset, size=member.size)


class _Seeking:
    """A file as a tar reader wants it, in which content that nobody reads is skipped."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size

    @property
    def offset(self) -> int:
        """Where the next byte comes from."""
        return self._stream.tell()

    def take(self, limit: int) -> memoryview:
        """Return between one and ``limit`` bytes; none at the end."""
        return memoryview(self._stream.read(limit))

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""
        return self._stream.read(size)

    def skip(self, size: int) -> int:
        """Pass over ``size`` bytes, fewer only at the end, and return how many."""
        here = self.offset
        return self._stream.seek(min(here + size, self._size)) - here
