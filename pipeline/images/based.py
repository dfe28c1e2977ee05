"""Images that start from one others made: its files, its variables, its own bytes for Docker.

An image that adds nothing keeps the manifest it came with, and so its digest is the registry's.
One that adds layers or variables, or whose configuration would change how steps run (another user,
a shell, triggers), gets a configuration and a manifest of ours over the original layers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import LockError, NetworkError
from pipeline.files import sha256_bytes
from pipeline.images.oci import Layer, Original, copied_layer
from pipeline.registry.manifest import LAYERS, read_configuration
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.images.unpack import Packed
    from pipeline.lock.types import ImageBlob, LockedBase
    from pipeline.registry.manifest import Configuration
    from pipeline.store.store import Store

FORMAT = 1
"""Raised whenever the same layers come out as other files."""

CONTENT = "root"
"""The directory that holds a layer's files, beside what the store notes of it."""


@dataclass(frozen=True)
class Base:
    """A locked image of a registry or an archive, whose blobs are in the store."""

    locked: LockedBase
    store: Store

    @cached_property
    def manifest(self) -> bytes:
        """The manifest as it came."""
        return self._document(self.locked.manifest)

    @cached_property
    def config(self) -> bytes:
        """The configuration as it came."""
        return self._document(self.locked.config)

    @cached_property
    def configuration(self) -> Configuration:
        """What the configuration says."""
        return read_configuration(self.config, self.locked.source)

    @property
    def original(self) -> Original:
        """Its documents as they came."""
        media_type = self.locked.manifest.media_type
        return Original(media_type=media_type, manifest=self.manifest, config=self.config)

    def layers(self) -> tuple[Layer, ...]:
        """Return its layers as they came."""
        return tuple(copied_layer(layer, self.store) for layer in self.locked.layers)

    def directory(self) -> Path:
        """Return its files, unpacked once; NetworkError when a layer was not fetched."""
        diff_ids = [layer.diff_id for layer in self.locked.layers]
        key = sha256_bytes(json.dumps(["base", FORMAT, diff_ids]).encode())

        def make(directory: Path) -> bytes:
            from pipeline.images.unpack import unpack  # noqa: PLC0415 - not when it stands already

            content = directory / CONTENT
            content.mkdir()
            content.chmod(0o755)
            layers = [self._packed(layer) for layer in self.locked.layers]
            with self.store.scratch("layers") as scratch:
                entries = unpack(layers, content, scratch)
            # A directory of its own stands for one that is empty.
            empty = [Entry(path=CONTENT, kind="dir")]
            return Tree.of([below(entry) for entry in entries] or empty).encoded

        return self.store.derived("layer", key, make) / CONTENT

    def _packed(self, layer: ImageBlob) -> Packed:
        from pipeline.images.unpack import Packed  # noqa: PLC0415 - as above

        self._require(layer)
        if layer.media_type not in LAYERS:
            raise LockError(
                f"the lock has a layer of the unknown type `{layer.media_type}`",
                hint="run `pipeline lock`",
            )
        return Packed(
            label=f"the layer `{layer.sha256[:12]}` of `{self.locked.source}`",
            path=self.store.blob_path(layer.sha256),
            size=layer.size,
            suffix=LAYERS[layer.media_type],
            sha256=layer.sha256,
            diff_id=layer.diff_id,
        )

    def _document(self, blob: ImageBlob) -> bytes:
        self._require(blob)
        return self.store.read_blob(blob.sha256)

    def _require(self, blob: ImageBlob) -> None:
        if not self.store.has_blob(blob.sha256):
            raise NetworkError(
                f"`{blob.sha256}` of `{blob.source}` was not fetched yet",
                hint="run `pipeline fetch`",
            )


def below(entry: Entry) -> Entry:
    """Return the entry of an image's file as it stands in the store's directory of the layer."""
    return Entry(
        path=f"{CONTENT}/{entry.path}",
        kind=entry.kind,
        digest=entry.digest,
        size=entry.size,
        executable=entry.executable,
        target=entry.target,
    )
