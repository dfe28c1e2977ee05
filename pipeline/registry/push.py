"""Pushing images out of archives; what the registry has is not sent again (OCI distribution 1.1).

A tag that is there already is never moved to another image: a name that was published stays what
it was.
"""

from __future__ import annotations

import contextlib
import tarfile
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.files import sha256_bytes
from pipeline.network.faults import GoneError
from pipeline.registry.client import ACCEPT
from pipeline.registry.parcel import Parcel, blob_stream, top

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.registry.client import Registry
    from pipeline.registry.reference import Reference

BYTES = "application/octet-stream"


def push(parcels: Sequence[Parcel], reference: Reference, registry: Registry) -> bool:
    """Make ``reference`` stand for ``parcels``, one a platform; whether anything was to be done.

    Raises ReleaseRefusedError when its tag stands for something else, NetworkError.
    """
    media_type, document = top(parcels)
    pusher = _Pusher(registry=registry, base=registry.address(reference))
    try:
        there = pusher.tagged(reference.tag)
        if there not in {"", sha256_bytes(document)}:
            raise ReleaseRefusedError(
                f"`{reference}` is there already and stands for `sha256:{there}`",
                hint="what was published under a version stays: publish another version",
            )
        if there:
            return False
        for parcel in parcels:
            pusher.parcel(parcel)
        pusher.document(reference.tag, media_type, document)
    except NetworkError as error:
        words = f"`{reference}` cannot be pushed: {error.message}"
        raise NetworkError(words, hint=error.hint) from error
    return True


@dataclass(frozen=True, kw_only=True)
class _Pusher:
    registry: Registry
    base: str

    def tagged(self, tag: str) -> str:
        """Return the sha256 of what a tag stands for, empty where there is none."""
        with contextlib.suppress(GoneError):
            return sha256_bytes(self.registry.read(f"{self.base}/manifests/{tag}", ACCEPT))
        return ""

    def parcel(self, parcel: Parcel) -> None:
        with tarfile.open(parcel.archive, "r:") as tar:
            for digest, size in parcel.blobs.items():
                if not self._has(digest):
                    self._upload(tar, digest, size)
        self.document(f"sha256:{parcel.digest}", parcel.entry["mediaType"], parcel.manifest)

    def document(self, name: str, media_type: str, data: bytes) -> None:
        url = f"{self.base}/manifests/{name}"
        self._do("PUT", url, {"Content-Type": media_type}, data)

    def _has(self, digest: str) -> bool:
        try:
            self._do("HEAD", f"{self.base}/blobs/sha256:{digest}", {})
        except GoneError:
            return False
        return True

    def _upload(self, tar: tarfile.TarFile, digest: str, size: int) -> None:
        """Send a blob in one piece. The first request, without it, settles who we are."""
        begin = f"{self.base}/blobs/uploads/"

        def once() -> None:
            with self.registry.open(
                begin, {"Content-Type": BYTES}, method="POST", data=b""
            ) as begun:
                place = urllib.parse.urljoin(begin, begun.headers.get("Location", ""))
            joint = "&" if "?" in place else "?"
            headers = {"Content-Type": BYTES, "Content-Length": str(size)}
            with (
                blob_stream(tar, digest) as data,
                self.registry.open(
                    f"{place}{joint}digest=sha256:{digest}", headers, method="PUT", data=data
                ),
            ):
                pass

        self.registry.retrying(once, begin)

    def _do(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None = None
    ) -> None:
        def once() -> None:
            with self.registry.open(url, headers, method=method, data=data):
                pass

        self.registry.retrying(once, url)
