"""An image as one file: an OCI layout in a tar, whose bytes depend on nothing but the image.

Any tool that knows OCI archives reads it. It holds Docker's own ``manifest.json`` besides, over
the same blobs, so that daemons without an OCI image store load it too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import CHUNK, sha256_bytes
from pipeline.images.layer import BLOCK, END, header
from pipeline.images.oci import INDEX, MANIFEST, NAME, descriptor, encode
from pipeline.images.root import DIRECTORY_MODE, FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

CONTAINERD_NAME = "io.containerd.image.name"
BLOBS = "blobs/sha256"


@dataclass(frozen=True, kw_only=True)
class LayerFile:
    """A layer as it is sent, compressed or not: the file ``path`` and what it has to hold.

    ``size`` is in bytes.
    """

    path: Path
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An image with all its bytes at hand; ``layers`` lowest first, as the manifest has them."""

    manifest: bytes
    config: bytes
    layers: tuple[LayerFile, ...]

    @cached_property
    def digest(self) -> str:
        """The sha256 of the manifest: the image's identity."""
        return sha256_bytes(self.manifest)

    @cached_property
    def platform(self) -> dict[str, str]:
        """The platform as an index has it."""
        config = json.loads(self.config)
        found = {word: config.get(word, "") for word in ("architecture", "os", "variant")}
        return {word: value for word, value in found.items() if value}

    @property
    def media_type(self) -> str:
        """What the manifest is: OCI's, or Docker's own where the image came so."""
        found: str = json.loads(self.manifest).get("mediaType", MANIFEST)
        return found

    @property
    def entry(self) -> dict[str, object]:
        """What an index says of the image."""
        return {
            **descriptor(self.media_type, self.digest, len(self.manifest)),
            "platform": self.platform,
        }


def from_layout(layout: Path, digest: str) -> Bundle:
    """Return the image with the manifest ``digest`` in an OCI layout.

    Raises VerificationError when manifest or configuration are not what their names say.
    """
    blobs = layout / BLOBS
    manifest = _checked(blobs / digest)
    found: dict[str, Any] = json.loads(manifest)
    layers = tuple(
        LayerFile(path=blobs / name, digest=name, size=part["size"])
        for part in found["layers"]
        for name in [_plain(part["digest"])]
    )
    config = _checked(blobs / _plain(found["config"]["digest"]))
    return Bundle(manifest=manifest, config=config, layers=layers)


def loaded_name(name: str, tag: str) -> str:
    """Return what an image is called where its archive is loaded.

    A daemon takes the name as it stands and does not find it again without a host; this one says
    that the image is from nowhere else.
    """
    return f"localhost/{name}:{tag}"


def stream(bundle: Bundle, *, name: str, tag: str) -> Iterator[bytes]:
    """Yield ``bundle`` as an archive, piece by piece; loaded, it is called `loaded_name`.

    Raises VerificationError when a layer's file is not what the manifest names.
    """
    for directory in ("blobs/", f"{BLOBS}/"):
        yield header(directory.encode(), b"5", DIRECTORY_MODE, 0, b"")
    yield from _blobs(bundle)
    yield from _file("index.json", _index(bundle, loaded_name(name, tag), tag))
    yield from _file("manifest.json", _docker(bundle, loaded_name(name, tag)))
    yield from _file("oci-layout", encode({"imageLayoutVersion": "1.0.0"}))
    yield END


def _blobs(bundle: Bundle) -> Iterator[bytes]:
    layers = {layer.digest: layer for layer in bundle.layers}
    texts = {sha256_bytes(data): data for data in (bundle.config, bundle.manifest)}
    for digest in sorted(layers.keys() | texts.keys()):
        if digest in texts:
            yield from _file(f"{BLOBS}/{digest}", texts[digest])
        else:
            yield from _layer(layers[digest])


def _file(path: str, data: bytes) -> Iterator[bytes]:
    yield header(path.encode(), b"0", FILE_MODE, len(data), b"")
    yield data + bytes(-len(data) % BLOCK)


def _layer(layer: LayerFile) -> Iterator[bytes]:
    yield header(f"{BLOBS}/{layer.digest}".encode(), b"0", FILE_MODE, layer.size, b"")
    found, size = hashlib.sha256(), 0
    with layer.path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            found.update(piece)
            size += len(piece)
            yield piece
    if (found.hexdigest(), size) != (layer.digest, layer.size):
        raise _damaged(layer.path)
    yield bytes(-size % BLOCK)


def _index(bundle: Bundle, name: str, tag: str) -> bytes:
    annotations = {CONTAINERD_NAME: name, NAME: tag}
    manifests = [{**bundle.entry, "annotations": annotations}]
    return encode({"manifests": manifests, "mediaType": INDEX, "schemaVersion": 2})


def _docker(bundle: Bundle, name: str) -> bytes:
    """Return the table of contents of ``docker save`` before it knew OCI."""
    layers = [f"{BLOBS}/{layer.digest}" for layer in bundle.layers]
    config = f"{BLOBS}/{sha256_bytes(bundle.config)}"
    return encode([{"Config": config, "Layers": layers, "RepoTags": [name]}])


def _checked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _damaged(path) from error
    if sha256_bytes(data) != path.name:
        raise _damaged(path)
    return data


def _damaged(path: Path) -> VerificationError:
    return VerificationError(
        f"the image's file `{path}` is not what its name says",
        hint="run `pipeline cache verify`, which removes what is damaged",
    )


def _plain(digest: str) -> str:
    return digest.removeprefix("sha256:")
