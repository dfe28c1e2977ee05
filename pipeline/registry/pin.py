"""From a reference to what it means today: one manifest, one configuration, its layers.

Where the documents come from, a registry or an archive, is the caller's: `Documents` gives each by
its descriptor. What comes out is a `LockedBase`, which names every byte by its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.errors import LockError, VerificationError
from pipeline.files import sha256_bytes
from pipeline.lock.types import ImageBlob, LockedBase
from pipeline.registry.manifest import (
    MANIFEST_LIMIT,
    Configuration,
    Descriptor,
    Index,
    Manifest,
    choose,
    read,
    read_configuration,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NESTING_LIMIT = 3


class Documents(Protocol):
    """Where the documents of an image are: its registry or its archive."""

    @property
    def name(self) -> str:
        """The image's name, for errors."""

    @property
    def source(self) -> str:
        """What the lock says of where its bytes are (`ImageBlob.source`)."""

    def top(self) -> bytes:
        """Return the manifest or index that the name stands for."""

    def document(self, descriptor: Descriptor) -> bytes:
        """Return a manifest, an index or a configuration; its digest is checked by the caller."""


def pin(documents: Documents, platform: str) -> tuple[LockedBase, dict[str, bytes]]:
    """Return an image on ``platform`` as it is now, and its documents by their sha256.

    Raises LockError when it is not for the platform, VerificationError when its documents are not
    sound or not what their digests say, and what ``documents`` raises.
    """
    name = documents.name
    data = documents.top()
    found = read(data, name)
    for _ in range(NESTING_LIMIT):
        if isinstance(found, Manifest):
            break
        data = _checked(documents, _one(found, platform, name))
        found = read(data, name)
    if isinstance(found, Index):
        raise VerificationError(f"the image `{name}` is an index of indexes without end")
    config = _checked(documents, found.config)
    configuration = read_configuration(config, name)
    _check(configuration, found, platform, name)
    base = _base(documents.source, data, found, configuration)
    return base, {base.manifest.sha256: data, base.config.sha256: config}


def _one(index: Index, platform: str, name: str) -> Descriptor:
    """Return what an index has for a platform; one that says nothing is taken at its word later."""
    silent = [one for one in index.manifests if not one.platform]
    if len(index.manifests) == 1 and silent:
        return silent[0]
    return choose(index, platform, name)


def _checked(documents: Documents, descriptor: Descriptor) -> bytes:
    if descriptor.size > MANIFEST_LIMIT:
        raise VerificationError(
            f"the image `{documents.name}` has a manifest or configuration of {descriptor.size} "
            f"bytes, more than {MANIFEST_LIMIT >> 20} MiB"
        )
    data = documents.document(descriptor)
    found = sha256_bytes(data)
    if found != descriptor.sha256:
        raise VerificationError(
            f"a document of the image `{documents.name}` has sha256 `{found}`, where "
            f"`{descriptor.sha256}` was asked for",
            hint="the registry or a proxy before it is broken or lies: try another one",
        )
    return data


def _check(configuration: Configuration, manifest: Manifest, platform: str, name: str) -> None:
    if configuration.platform != platform:
        raise LockError(
            f"the image `{name}` is for {configuration.platform}, not for {platform}",
            hint="see `platforms` of the image",
        )
    if len(configuration.diff_ids) != len(manifest.layers):
        raise VerificationError(f"the image `{name}` has another number of layers than it says")


def _base(source: str, data: bytes, manifest: Manifest, configuration: Configuration) -> LockedBase:
    def blob(one: Descriptor, diff_id: str = "") -> ImageBlob:
        return ImageBlob(
            source=source,
            sha256=one.sha256,
            size=one.size,
            media_type=one.media_type,
            diff_id=diff_id,
        )

    top = Descriptor(media_type=manifest.media_type, sha256=sha256_bytes(data), size=len(data))
    pairs: Sequence[tuple[Descriptor, str]] = tuple(
        zip(manifest.layers, configuration.diff_ids, strict=True)
    )
    return LockedBase(
        source=source,
        manifest=blob(top),
        config=blob(manifest.config),
        layers=tuple(blob(layer, diff_id) for layer, diff_id in pairs),
    )
