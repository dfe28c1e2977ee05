"""Images made by hand: layers from lists of members, manifests, indexes, all as bytes."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
INDEX = f"{OCI}.index.v1+json"
MANIFEST = f"{OCI}.manifest.v1+json"
TIME = 1_600_000_000

Member = tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"", *, mode: int = 0o644) -> Member:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, TIME
    return info, data


def other(name: str, kind: bytes, *, target: str = "", mode: int = 0o755) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, target, mode, TIME
    return info


def directory(name: str, *, mode: int = 0o755) -> Member:
    return other(name, tarfile.DIRTYPE, mode=mode)


def link(name: str, target: str) -> Member:
    return other(name, tarfile.SYMTYPE, target=target)


def hard(name: str, target: str) -> Member:
    return other(name, tarfile.LNKTYPE, target=target)


def whiteout(path: str) -> Member:
    parent, slash, name = path.rpartition("/")
    return file(f"{parent}{slash}.wh.{name}")


def opaque(path: str) -> Member:
    return file(f"{path}/.wh..wh..opq")


def tar(members: Sequence[Member], *, format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for member in members:
            info, data = member if isinstance(member, tuple) else (member, b"")
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Bytes with what a descriptor says of them."""

    data: bytes
    media_type: str
    diff_id: str = ""

    @property
    def sha256(self) -> str:
        return sha256_bytes(self.data)

    @property
    def descriptor(self) -> dict[str, object]:
        return {
            "mediaType": self.media_type,
            "digest": f"sha256:{self.sha256}",
            "size": len(self.data),
        }


def layer(
    members: Sequence[Member] | bytes, packing: str = "gzip", *, docker: bool = False
) -> Blob:
    """Return a layer; ``packing`` is ``gzip``, ``zstd`` or empty."""
    plain = members if isinstance(members, bytes) else tar(members)
    data = {
        "": lambda: plain,
        "gzip": lambda: gzip.compress(plain, mtime=0),
        "zstd": lambda: zstd(plain),
    }[packing]()
    if docker:
        kind = f"{DOCKER}.image.rootfs.diff.tar" + (f".{packing}" if packing else "")
    else:
        kind = f"{OCI}.layer.v1.tar" + (f"+{packing}" if packing else "")
    return Blob(data=data, media_type=kind, diff_id=sha256_bytes(plain))


def zstd(data: bytes) -> bytes:
    if not shutil.which("zstd"):
        pytest.skip("the program `zstd` is not installed", allow_module_level=True)
    return subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image on one platform."""

    layers: tuple[Blob, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    architecture: str = "amd64"
    docker: bool = False

    @property
    def config(self) -> Blob:
        document = {
            "architecture": self.architecture,
            "os": "linux",
            "config": dict(self.settings),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{b.diff_id}" for b in self.layers]},
        }
        kind = f"{DOCKER}.container.image.v1+json" if self.docker else f"{OCI}.config.v1+json"
        return Blob(data=json.dumps(document).encode(), media_type=kind)

    @property
    def manifest(self) -> Blob:
        kind = f"{DOCKER}.distribution.manifest.v2+json" if self.docker else MANIFEST
        document = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": self.config.descriptor,
            "layers": [blob.descriptor for blob in self.layers],
        }
        return Blob(data=json.dumps(document).encode(), media_type=kind)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return (*self.layers, self.config)


def image(*layers: Blob, **changes: object) -> Made:
    return Made(layers=layers, **changes)  # type: ignore[arg-type]


def index(*images: Made, docker: bool = False) -> Blob:
    kind = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else INDEX
    entries = [
        {
            **one.manifest.descriptor,
            "platform": {"os": "linux", "architecture": one.architecture},
        }
        for one in images
    ]
    document = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
    return Blob(data=json.dumps(document).encode(), media_type=kind)
