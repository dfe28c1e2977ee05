"""Images in archives that `pipeline` wrote, as they are to be pushed."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO, Any

BLOBS = "blobs/sha256/"
INDEX = "application/vnd.oci.image.index.v1+json"
TAG = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """An image in an archive. ``entry`` is what an index says of it, ``blobs`` sizes by sha256."""

    archive: Path
    tag: str
    entry: Mapping[str, Any]
    manifest: bytes
    blobs: Mapping[str, int]

    @property
    def digest(self) -> str:
        """The sha256 of the manifest."""
        return sha256_bytes(self.manifest)

    @property
    def platform(self) -> str:
        """The platform, such as ``linux/amd64``."""
        found = self.entry["platform"]
        return f"{found['os']}/{found['architecture']}"


def open_parcel(archive: Path) -> Parcel:
    """Return the one image in an archive that `pipeline` wrote; VerificationError for others."""
    try:
        with tarfile.open(archive, "r:") as tar:
            (entry,) = json.loads(_member(tar, "index.json"))["manifests"]
            tag = entry["annotations"][TAG]
            manifest = _member(tar, f"{BLOBS}{_plain(entry['digest'])}")
        found = json.loads(manifest)
        blobs = {_plain(b["digest"]): int(b["size"]) for b in (*found["layers"], found["config"])}
    except (tarfile.TarError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise VerificationError(f"`{archive.name}` is no archive of one image") from error
    kept = {word: value for word, value in entry.items() if word != "annotations"}
    parcel = Parcel(archive=archive, tag=tag, entry=kept, manifest=manifest, blobs=blobs)
    if parcel.digest != _plain(entry["digest"]):
        raise VerificationError(f"the manifest in `{archive.name}` is not what its name says")
    return parcel


def top(parcels: Sequence[Parcel]) -> tuple[str, bytes]:
    """Return media type and text of what a tag is to stand for: a manifest, or an index of them."""
    if len(parcels) == 1:
        return parcels[0].entry["mediaType"], parcels[0].manifest
    entries = sorted((p.entry for p in parcels), key=lambda entry: str(entry["platform"]))
    index = {"manifests": entries, "mediaType": INDEX, "schemaVersion": 2}
    return INDEX, json.dumps(index, sort_keys=True, separators=(",", ":")).encode()


def blob_stream(tar: tarfile.TarFile, digest: str) -> IO[bytes]:
    """Return a blob of an archive; KeyError when it is not there."""
    return _stream(tar, f"{BLOBS}{digest}")


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    with _stream(tar, name) as stream:
        return stream.read()


def _stream(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _plain(digest: str) -> str:
    return digest.removeprefix("sha256:")
