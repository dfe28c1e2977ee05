"""A client of registries, for pulling: manifests and blobs below ``/v2/`` (OCI distribution 1.1).

Retries, redirects and resuming are those of `pipeline.network`; here is what is a registry's own:
where a repository is, what to say when it asks who we are, which document a name stands for.
Plain http is spoken with this machine itself and where a configured address says so, never else.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import ConfigError, LockError, NetworkError, VerificationError
from pipeline.files import sha256_bytes
from pipeline.network.addresses import is_loopback, shown
from pipeline.network.faults import GoneError, UnauthorizedError
from pipeline.network.transport import Client, read_page
from pipeline.registry.manifest import INDEXES, MANIFEST_LIMIT, MANIFESTS, Descriptor
from pipeline.registry.reference import Reference
from pipeline.registry.tokens import authorization, challenges

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from pipeline.lock.types import ImageBlob
    from pipeline.registry.logins import Logins


T = TypeVar("T")

ACCEPT = ", ".join(sorted(MANIFESTS | INDEXES))
HINT = "check the name of the image, and log in with `docker login`"


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Where registries are: ``mirrors`` are addresses to ask where a reference names no host."""

    mirrors: tuple[str, ...] = ()

    def addresses(self, host: str, repository: str) -> tuple[str, ...]:
        """Return the addresses of a repository, in order; NetworkError where none is known."""
        if host:
            return (f"{self._scheme(host)}://{host}/v2/{repository}",)
        found = [self._mirrored(mirror, repository) for mirror in self.mirrors]
        if not found:
            raise NetworkError(
                f"`{repository}` names no registry, and none is configured",
                hint="write the registry's host before it, or set `mirrors: {registry: [...]}` in "
                "`pipeline.yaml` or `PIPELINE_REGISTRY_MIRROR`",
            )
        return tuple(found)

    def _scheme(self, host: str) -> str:
        for mirror in self.mirrors:
            parts = urllib.parse.urlsplit(mirror)
            if parts.netloc.lower() == host.lower():
                return parts.scheme
        return "http" if is_loopback(host) else "https"

    def _mirrored(self, mirror: str, repository: str) -> str:
        parts = urllib.parse.urlsplit(mirror)
        # What stands behind the host is where a registry of many projects keeps its mirror.
        below = parts.path.strip("/")
        return f"{parts.scheme}://{parts.netloc}/v2/{below + '/' if below else ''}{repository}"


class Registry:
    """The registries of a machine. Safe to use from several threads.

    It is what `pipeline.network.download.download` asks of a client.
    """

    def __init__(
        self,
        hosts: Hosts,
        logins: Logins,
        *,
        unreachable: set[str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hosts = hosts
        self._logins = logins
        self._client = Client(login_hint=HINT, unreachable=unreachable, sleep=sleep)
        self._granted: dict[str, str] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        data: bytes | IO[bytes] | None = None,
        method: str | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Make a request as `Client.open` does, saying who we are once the registry asks.

        A stream as ``data`` can be sent only once, so for it that has to be settled before.
        """
        place = _place(url)
        known = self._granted.get(place, "")
        if url.startswith(f"{place}/manifests/"):
            # A registry hands out what it was asked for only, though the digest names one thing.
            headers = {"Accept": ACCEPT, **headers}
        ask = partial(self._client.open, url, headers, data=data, method=method)
        with contextlib.ExitStack() as stack:
            try:
                response = stack.enter_context(ask(authorization=known))
            except UnauthorizedError as refusal:
                if not isinstance(data, bytes | None):
                    raise
                again = self._answer(place, known, refusal)
                response = stack.enter_context(ask(authorization=again))
            yield response

    def retrying(self, action: Callable[[], T], url: str) -> T:
        """Do ``action`` as `Client.retrying` does."""
        return self._client.retrying(action, url)

    def addresses(self, blob: ImageBlob) -> tuple[str, ...]:
        """Return where a locked blob can be had."""
        _, _, place = blob.source.partition(" ")
        found = _parsed_place(place)
        kind = "manifests" if blob.media_type in MANIFESTS else "blobs"
        bases = self._hosts.addresses(found.host, found.repository)
        return tuple(f"{base}/{kind}/sha256:{blob.sha256}" for base in bases)

    def address(self, reference: Reference) -> str:
        """Return where the repository of a reference is; of several mirrors the first."""
        return self._hosts.addresses(reference.host, reference.repository)[0]

    def documents(self, reference: Reference) -> Documents:
        """Return the documents of an image, from the first address that has it."""
        return Documents(registry=self, reference=reference, hosts=self._hosts)

    def read(self, url: str, accept: str) -> bytes:
        """Return a small document, tried again as `retrying` does; NetworkError, GoneError."""

        def once() -> bytes:
            with self.open(url, {"Accept": accept}) as response:
                return read_page(response, MANIFEST_LIMIT).data

        return self.retrying(once, url)

    def _answer(self, place: str, known: str, refusal: UnauthorizedError) -> str:
        """Return what to say to a registry that refused us with ``known``."""
        with self._lock:
            granted = self._granted.get(place, "")
            if granted != known:
                return granted  # another thread was faster
            host = urllib.parse.urlsplit(place).netloc
            repository = urllib.parse.urlsplit(place).path.removeprefix("/v2/")
            found = authorization(
                challenges(refusal.challenges),
                self._logins.of(host),
                self._client,
                scope=f"repository:{repository}:pull",
                secure=place.startswith("https:"),
            )
            if not found or found == known:
                raise refusal
            self._granted[place] = found
            return found


class Documents:
    """The documents of an image in a registry (a `pipeline.registry.pin.Documents`)."""

    def __init__(self, *, registry: Registry, reference: Reference, hosts: Hosts) -> None:
        self.name = str(reference)
        self.source = f"registry {reference.place}"
        self._registry = registry
        self._reference = reference
        self._bases = hosts.addresses(reference.host, reference.repository)

    def top(self) -> bytes:
        """Return what the reference stands for, checked where it names a digest."""
        data = self._first(f"manifests/{self._reference.wanted}")
        wanted = self._reference.digest
        if wanted and sha256_bytes(data) != wanted:
            raise VerificationError(
                f"what the registry gives for `{self.name}` has sha256 `{sha256_bytes(data)}`",
                hint="the registry or a proxy before it is broken or lies: try another one",
            )
        return data

    def document(self, descriptor: Descriptor) -> bytes:
        """Return a manifest, an index or a configuration."""
        is_manifest = descriptor.media_type in MANIFESTS | INDEXES
        kind = "manifests" if is_manifest else "blobs"
        return self._first(f"{kind}/sha256:{descriptor.sha256}")

    def _first(self, path: str) -> bytes:
        faults: list[NetworkError] = []
        for base in self._bases:
            try:
                return self._registry.read(f"{base}/{path}", ACCEPT)
            except NetworkError as error:
                faults.append(error)
        # A registry that fails says more than one that does not have the image.
        worst = min(faults, key=lambda error: isinstance(error, GoneError))
        if isinstance(worst, GoneError):
            where = ", ".join(f"`{shown(base)}`" for base in self._bases)
            raise LockError(
                f"there is no image `{self.name}` at {where}",
                hint="check its name and tag",
            ) from worst
        raise worst


def _place(url: str) -> str:
    """Return the address of the repository that an address is about: what a token is for."""
    return re.sub(r"/(?:manifests|blobs(?:/uploads)?)/[^/]*$", "", url.partition("?")[0])


def _parsed_place(place: str) -> Reference:
    found = Reference.place_of(place)
    if found is None or found.tag or found.digest:
        raise ConfigError(f"`{place}` names no repository", hint="run `pipeline lock`")
    return found
