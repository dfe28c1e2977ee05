"""An image on top of another one: the layers below, one more, a configuration of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.files import sha256_bytes
from pipeline.images.oci import CONFIG, LAYER, MANIFEST, descriptor, encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pipeline.images.bundle import Bundle, LayerFile


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is said of the new image beyond its layers (OCI image configuration).

    ``created`` is a time as RFC 3339 writes it, ``origin`` tells where the layer is from. ``env``
    and ``labels`` are added to those below; ``path`` is a directory whose programs come first.
    """

    created: str
    origin: str
    env: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


OCI = {
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": f"{LAYER}+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": f"{LAYER}+zstd",
}
"""What OCI calls the layers that Docker's older format names otherwise."""


def extend(base: Bundle, layer: LayerFile, change: Change) -> Bundle:
    """Return ``base`` with the uncompressed ``layer`` on top, changed as ``change`` says."""
    config = _config(base, layer, change)
    manifest: dict[str, Any] = json.loads(base.manifest)
    manifest["mediaType"] = MANIFEST
    for part in manifest["layers"]:
        part["mediaType"] = OCI.get(part["mediaType"], part["mediaType"])
    manifest["config"] = descriptor(CONFIG, sha256_bytes(config), len(config))
    manifest["layers"].append(descriptor(LAYER, layer.digest, layer.size))
    manifest["annotations"] = dict(change.annotations)  # those below speak of the image below
    return replace(base, manifest=encode(manifest), config=config, layers=(*base.layers, layer))


def _config(base: Bundle, layer: LayerFile, change: Change) -> bytes:
    image: dict[str, Any] = json.loads(base.config)
    image["created"] = change.created
    image["rootfs"]["diff_ids"].append(f"sha256:{layer.digest}")
    image.setdefault("history", []).append({"created": change.created, "created_by": change.origin})
    image["config"] = _settings(image.get("config") or {}, change)
    return encode(image)


def _settings(below: dict[str, Any], change: Change) -> dict[str, Any]:
    found = dict(below)
    found["Env"] = _environment(below.get("Env") or [], change)
    if change.entrypoint:
        # As in a Dockerfile: arguments for another entry point make no sense for this one.
        found["Entrypoint"] = list(change.entrypoint)
        found.pop("Cmd", None)
    if change.cmd:
        found["Cmd"] = list(change.cmd)
    if change.workdir:
        found["WorkingDir"] = change.workdir
    if change.labels:
        found["Labels"] = {**(below.get("Labels") or {}), **change.labels}
    return found


def _environment(below: list[str], change: Change) -> list[str]:
    variables = dict(line.split("=", 1) for line in below)
    if change.path:
        variables["PATH"] = ":".join(filter(None, (change.path, variables.get("PATH", ""))))
    return [f"{name}={value}" for name, value in {**variables, **change.env}.items()]
