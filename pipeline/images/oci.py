"""Images as other engines want them: manifest, configuration and OCI layout.

The manifest's digest is an image's identity and is known without writing a layout; a layout is
made only for an engine that asks (OCI image specification 1.1). Nothing in it depends on the
machine or on when it was made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import sha256_bytes
from pipeline.images import layer
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.images.layer import LayerDigest

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
    """A layer: its unpacked directory, the measure of its tar, and words on where it is from."""

    directory: Path
    tar: LayerDigest
    origin: str


@dataclass(frozen=True, kw_only=True)
class OciImage:
    """An image on one platform: ``layers``, lowest first, and ``env`` of its configuration."""

    platform: str
    layers: tuple[Layer, ...]
    env: tuple[tuple[str, str], ...]

    @cached_property
    def config(self) -> bytes:
        """The image configuration."""
        return _json(
            {
                "architecture": Target.of_platform(self.platform).debian,
                "config": {
                    "Cmd": ["/bin/sh"],
                    "Env": [f"{name}={value}" for name, value in self.env],
                    "WorkingDir": "/",
                },
                "created": CREATED,
                "history": [
                    {"created": CREATED, "created_by": part.origin} for part in self.layers
                ],
                "os": "linux",
                "rootfs": {
                    "diff_ids": [f"sha256:{part.tar.sha256}" for part in self.layers],
                    "type": "layers",
                },
            }
        )

    @cached_property
    def manifest(self) -> bytes:
        """The image manifest."""
        layers = [_descriptor(LAYER, part.tar.sha256, part.tar.size) for part in self.layers]
        return _json(
            {
                "config": _descriptor(CONFIG, sha256_bytes(self.config), len(self.config)),
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
            with open(blobs / part.tar.sha256, "wb") as stream:
                found = layer.write(part.directory, stream)
            if found != part.tar:
                raise VerificationError(
                    f"the unpacked layer `{part.directory}` was changed after it was made",
                    hint="run `pipeline cache verify`, which removes what is damaged",
                )
        for data in (self.config, self.manifest):
            (blobs / sha256_bytes(data)).write_bytes(data)
        (directory / "index.json").write_bytes(self._index())
        (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))

    def _index(self) -> bytes:
        entry = _descriptor(MANIFEST, self.digest, len(self.manifest))
        platform = {"architecture": Target.of_platform(self.platform).debian, "os": "linux"}
        manifests = [{**entry, "annotations": {NAME: TAG}, "platform": platform}]
        return _json({"manifests": manifests, "mediaType": INDEX, "schemaVersion": 2})


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"digest": f"sha256:{digest}", "mediaType": media_type, "size": size}


def _json(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
