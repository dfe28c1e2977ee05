"""Giving an image to a daemon that reads no OCI layouts: its archive, and loading it once.

The archive is what ``docker load`` has taken since Docker 1.10: a tar with the configuration, the
layers, and ``manifest.json`` that names them. Source: `image/tarexport` of moby.
"""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

REPOSITORY = "pipeline-image"
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The blobs of an image in an OCI layout, by their digests in hex."""

    blobs: Path
    config: str
    layers: tuple[str, ...]

    @classmethod
    def of(cls, layout: Path, digest: str) -> Parts:
        """Read the manifest ``digest`` of a layout; OSError, ValueError, KeyError."""
        blobs = layout / "blobs" / "sha256"
        manifest = json.loads((blobs / digest).read_bytes())
        return cls(
            blobs=blobs,
            config=_hex(manifest["config"]["digest"]),
            layers=tuple(_hex(each["digest"]) for each in manifest["layers"]),
        )


def load(client: DockerClient, layout: Path, digest: str) -> str:
    """Return the name under which the daemon has an image, loading it unless it is there.

    DockerException and requests' own, as the SDK raises them.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415 - a daemon is asked: see `daemon`

    parts = Parts.of(layout, digest)
    name = f"{REPOSITORY}:{digest}"
    try:
        # Anyone may give the name to another image; these stores call one by its configuration.
        there = client.images.get(name).id == f"sha256:{parts.config}"
    except ImageNotFound:
        there = False
    if not there:
        # The stubs know files only; what is sent is what requests takes, which streams iterators.
        client.images.load(archive(parts, name))  # type: ignore[arg-type]
    return name


def archive(parts: Parts, name: str) -> Iterator[bytes]:
    """Yield the archive of an image called ``name``."""
    document = [{"Config": parts.config, "RepoTags": [name], "Layers": list(parts.layers)}]
    data = json.dumps(document).encode()
    yield _header("manifest.json", len(data)) + _padded(data)
    for digest in dict.fromkeys((parts.config, *parts.layers)):
        with (parts.blobs / digest).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            yield _header(digest, size)
            while chunk := stream.read(CHUNK):
                yield chunk
            yield bytes(-size % tarfile.BLOCKSIZE)
    yield bytes(tarfile.RECORDSIZE)


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.USTAR_FORMAT)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % tarfile.BLOCKSIZE)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
