"""Images as other engines want them: manifest, configuration and OCI layout.

The manifest's digest is an image's identity and is known without writing a layout; a layout is
made only for an engine that asks (OCI image specification 1.1). Nothing in it depends on the
machine or on when it was made.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import CHUNK, sha256_bytes
from pipeline.images import layer
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.images.layer import LayerDigest
    from pipeline.lock.types import ImageBlob
    from pipeline.store.store import Store

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAME = "org.opencontainers.image.ref.name"
TAG = "locked"
"""The only tag in a layout; buildx 0.33 does not find an image by its digest alone."""
CREATED = "1980-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer: its blob, the sha256 of its tar (``diff_id``), and words on where it is from.

    ``write`` writes the blob's bytes, of which there are ``size``; VerificationError when they are
    not what they should be.
    """

    media_type: str
    sha256: str
    size: int
    diff_id: str
    origin: str
    write: Callable[[BinaryIO], None] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Original:
    """The documents of an image that others made and to which nothing was added."""

    media_type: str
    manifest: bytes
    config: bytes


def made_layer(directory: Path, tar: LayerDigest, origin: str) -> Layer:
    """Return the layer that the files below ``directory`` make; its tar was measured before."""

    def write(stream: BinaryIO) -> None:
        if layer.write(directory, stream) != tar:
            raise VerificationError(
                f"the unpacked layer `{directory}` was changed after it was made",
                hint="run `pipeline cache verify`, which removes what is damaged",
            )

    return Layer(
        media_type=LAYER,
        sha256=tar.sha256,
        size=tar.size,
        diff_id=tar.sha256,
        origin=origin,
        write=write,
    )


def copied_layer(stored: ImageBlob, store: Store) -> Layer:
    """Return a layer as others made it, whose blob is in the store."""

    def write(stream: BinaryIO) -> None:
        with store.open_blob(stored.sha256) as source:
            shutil.copyfileobj(source, stream, CHUNK)

    return Layer(
        media_type=stored.media_type,
        sha256=stored.sha256,
        size=stored.size,
        diff_id=stored.diff_id,
        origin=stored.source,
        write=write,
    )


@dataclass(frozen=True, kw_only=True)
class OciImage:
    """An image on one platform: ``layers``, lowest first, and ``env`` of its configuration.

    With ``original`` its documents are those, and its layers the original's.
    """

    platform: str
    layers: tuple[Layer, ...]
    env: tuple[tuple[str, str], ...]
    workdir: str = "/"
    original: Original | None = None

    @cached_property
    def config(self) -> bytes:
        """The image configuration."""
        if self.original:
            return self.original.config
        return encode(
            {
                "architecture": Target.of_platform(self.platform).debian,
                "config": {
                    "Cmd": ["/bin/sh"],
                    "Env": [f"{name}={value}" for name, value in self.env],
                    "WorkingDir": self.workdir,
                },
                "created": CREATED,
                "history": [
                    {"created": CREATED, "created_by": part.origin} for part in self.layers
                ],
                "os": "linux",
                "rootfs": {
                    "diff_ids": [f"sha256:{part.diff_id}" for part in self.layers],
                    "type": "layers",
                },
            }
        )

    @cached_property
    def manifest(self) -> bytes:
        """The image manifest."""
        if self.original:
            return self.original.manifest
        layers = [descriptor(part.media_type, part.sha256, part.size) for part in self.layers]
        return encode(
            {
                "config": descriptor(CONFIG, sha256_bytes(self.config), len(self.config)),
                "layers": layers,
                "mediaType": MANIFEST,
                "schemaVersion": 2,
            }
        )

    @cached_property
    def digest(self) -> str:
        """The sha256 of the manifest: the image's identity."""
        return sha256_bytes(self.manifest)

    def write_layout(self, directory: Path) -> None:
        """Write an OCI layout into an empty directory.

        Raises VerificationError when a layer's files are not what they were when it was made.
        """
        blobs = directory / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for part in self.layers:
            with open(blobs / part.sha256, "wb") as stream:
                part.write(stream)
        for data in (self.config, self.manifest):
            (blobs / sha256_bytes(data)).write_bytes(data)
        (directory / "index.json").write_bytes(self._index())
        (directory / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))

    def _index(self) -> bytes:
        media_type = self.original.media_type if self.original else MANIFEST
        entry = descriptor(media_type, self.digest, len(self.manifest))
        platform = {"architecture": Target.of_platform(self.platform).debian, "os": "linux"}
        manifests = [{**entry, "annotations": {NAME: TAG}, "platform": platform}]
        return encode({"manifests": manifests, "mediaType": INDEX, "schemaVersion": 2})


def descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    """Return what points to a blob: its type, its plain sha256 and its size in bytes."""
    return {"digest": f"sha256:{digest}", "mediaType": media_type, "size": size}


def encode(value: object) -> bytes:
    """Return ``value`` as the one JSON text that it has here: sorted, without blanks."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
