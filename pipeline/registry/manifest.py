"""Reading what a registry or an archive says of an image: indexes, manifests, configurations.

OCI image specification 1.1 and Docker's image manifest version 2, schema 2. All of it comes from
strangers: VerificationError, naming the image, for what is not of the form the specification gives.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import LockError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
INDEXES = frozenset({f"{OCI}.index.v1+json", f"{DOCKER}.distribution.manifest.list.v2+json"})
OCI_MANIFEST = f"{OCI}.manifest.v1+json"
MANIFESTS = frozenset({OCI_MANIFEST, f"{DOCKER}.distribution.manifest.v2+json"})
CONFIGS = frozenset({f"{OCI}.config.v1+json", f"{DOCKER}.container.image.v1+json"})
LAYERS: Mapping[str, str] = {
    f"{OCI}.layer.v1.tar": "",
    f"{OCI}.layer.v1.tar+gzip": ".gz",
    f"{OCI}.layer.v1.tar+zstd": ".zst",
    f"{DOCKER}.image.rootfs.diff.tar": "",
    f"{DOCKER}.image.rootfs.diff.tar.gzip": ".gz",
    f"{DOCKER}.image.rootfs.diff.tar.zstd": ".zst",
}
"""The kinds of layers, and how each is packed."""

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
MANIFEST_LIMIT = 4 << 20
"""The largest manifest and configuration in bytes; the specification asks for as much."""
LAYER_LIMIT = 512
SIZE_LIMIT = 32 << 30
COMMON_VARIANTS: Mapping[str, tuple[str, ...]] = {"arm64": ("", "v8"), "amd64": ("", "v1")}
"""The variants of an architecture that every machine of it runs, the best first."""


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """What one document says of another: its digest, its ``size`` in bytes, what it is.

    ``platform`` is like ``linux/arm64`` and ``variant`` like ``v8``, empty where nothing is said.
    """

    media_type: str
    sha256: str
    size: int
    platform: str = ""
    variant: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An image on one platform; ``layers`` have the lowest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, kw_only=True)
class Index:
    """Images for several platforms."""

    manifests: tuple[Descriptor, ...]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an image's configuration says that matters here.

    ``rest`` names the settings that would change how steps run and that we do not take over.
    """

    platform: str
    diff_ids: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    workdir: str = "/"
    rest: frozenset[str] = frozenset()


def read(data: bytes, name: str) -> Manifest | Index:
    """Return the manifest or index in ``data``; ``name`` is the image's, for errors."""
    document = _document(data, name)
    several = isinstance(document.get("manifests"), list)
    if several and "layers" in document:
        # One document read as both has fooled scanners (CVE-2021-41190).
        raise _odd(name, "is both a manifest and an index")
    media_type = str(document.get("mediaType", ""))
    if several:
        _expect(media_type, INDEXES, name)
        found = document["manifests"]
        return Index(manifests=tuple(_descriptor(one, name) for one in _list(found, name)))
    if document.get("schemaVersion") != 2:
        raise _odd(name, "has a manifest of a version other than 2")
    _expect(media_type, MANIFESTS, name)
    config = _descriptor(document.get("config"), name)
    _expect(config.media_type, CONFIGS, name)
    layers = tuple(_descriptor(one, name) for one in _list(document.get("layers"), name))
    _check_layers(layers, name)
    return Manifest(media_type=media_type or OCI_MANIFEST, config=config, layers=layers)


def choose(index: Index, platform: str, name: str) -> Descriptor:
    """Return the manifest for ``platform`` (``linux/arm64``); LockError where there is none."""
    fitting = [one for one in index.manifests if one.platform == platform]
    wanted = COMMON_VARIANTS.get(platform.rpartition("/")[2], ("",))
    for variant in wanted:
        for one in fitting:
            if one.variant == variant:
                return one
    known = sorted({one.platform for one in index.manifests if "unknown" not in one.platform})
    raise LockError(
        f"the image `{name}` is not for {platform}",
        hint=f"it is for {', '.join(known) or 'no platform'}; see `platforms` of the image",
    )


def read_configuration(data: bytes, name: str) -> Configuration:
    """Return what an image's configuration says; ``name`` is the image's, for errors."""
    document = _document(data, name)
    rootfs = document.get("rootfs")
    listed = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    settings = document.get("config")
    settings = settings if isinstance(settings, dict) else {}
    workdir = str(settings.get("WorkingDir") or "/")
    if not workdir.startswith("/") or ".." in workdir.split("/") or "\0" in workdir:
        raise _odd(name, "has an odd working directory")
    return Configuration(
        platform=f"{document.get('os', '')}/{document.get('architecture', '')}",
        diff_ids=tuple(_digest(one, name) for one in _list(listed, name)),
        env=_variables(settings.get("Env"), name),
        workdir=workdir,
        rest=frozenset(_rest(settings)),
    )


def _rest(settings: Mapping[str, object]) -> list[str]:
    found = [key for key in ("OnBuild", "Shell") if settings.get(key)]
    if settings.get("User") not in {None, "", "0", "root", "0:0", "root:root", "0:root", "root:0"}:
        found.append("User")
    return found


def _variables(value: object, name: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for line in _list(value, name) if value is not None else []:
        variable, sign, text = str(line).partition("=")
        if not sign or not variable or "\0" in text:
            raise _odd(name, "has an odd environment variable")
        found[variable] = text
    return tuple(found.items())


def _check_layers(layers: tuple[Descriptor, ...], name: str) -> None:
    for layer in layers:
        _expect(layer.media_type, LAYERS.keys(), name)
    if len(layers) > LAYER_LIMIT or sum(layer.size for layer in layers) > SIZE_LIMIT:
        raise _odd(name, "is absurdly large")


def _expect(media_type: str, known: Collection[str], name: str) -> None:
    # An index or manifest of OCI's may leave its own type out.
    if media_type and media_type not in known:
        raise _odd(name, f"holds something of the unknown type `{media_type[:100]}`")


def _descriptor(value: object, name: str) -> Descriptor:
    if not isinstance(value, dict):
        raise _odd(name, "has a descriptor that is no object")
    size, media_type = value.get("size"), value.get("mediaType")
    if type(size) is not int or size < 0 or not isinstance(media_type, str) or not media_type:
        raise _odd(name, "has a descriptor without a sound size and type")
    platform = value.get("platform")
    platform = platform if isinstance(platform, dict) else {}
    return Descriptor(
        media_type=media_type,
        sha256=_digest(value.get("digest"), name),
        size=size,
        platform=f"{platform['os']}/{platform.get('architecture')}" if "os" in platform else "",
        variant=str(platform.get("variant", "")),
    )


def _digest(value: object, name: str) -> str:
    match = DIGEST.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _odd(name, "has a digest that is no sha256")
    return match[1]


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise _odd(name, "lacks a list that every image has")
    return value


def _document(data: bytes, name: str) -> dict[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _odd(name, "has a manifest or configuration that is no JSON") from error
    if not isinstance(found, dict):
        raise _odd(name, "has a manifest or configuration that is no object")
    return found


def _odd(name: str, what: str) -> VerificationError:
    return VerificationError(
        f"the image `{name}` {what}, so it is refused",
        hint="it was made by something that does not follow the OCI image specification",
    )
