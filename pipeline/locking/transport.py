"""HTTP for resolving and fetching: retries, redirects, proxies, certificates, credentials.

On top of `urllib.request`, with only the http and https schemes. A request is tried again after
connection faults and the statuses that ask for it; a redirect never leads from https to http and
never carries credentials to another host.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError
from pipeline.locking.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO, TypeVar

    from pipeline.locking.settings import Settings

    T = TypeVar("T")

ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 60.0
PAGE_LIMIT = 256 << 20
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
AGENT = "hermetic-pipeline"


class GoneError(NetworkError):
    """The server has no such file (404 or 410)."""


class TransientError(Exception):
    """A fault that may be over on the next attempt; ``wait`` seconds were asked for."""

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class RangeRefusedError(TransientError):
    """The server cannot give the part that was asked for (416); the whole may do."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A small document: where it was found in the end, its media type, and its bytes."""

    url: str
    media_type: str
    data: bytes


def shown(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query, fragment."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")
    )


def local_path(place: str) -> Path | None:
    """Return the path that an address or a ``find-links`` entry means here, None for http."""
    parts = urllib.parse.urlsplit(place)
    if parts.scheme == "file":
        return Path(urllib.parse.unquote(parts.path))
    return None if parts.scheme in {"http", "https"} else Path(place)


class Client:
    """Makes requests with a machine's settings. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        pip = settings.pip
        self._timeout = pip.timeout
        self._sleep = sleep
        addresses = (pip.index, *pip.extra_indexes, *pip.find_links)
        self._credentials = Credentials(addresses, settings.environ)
        self._opener = _opener(pip.cert, pip.proxy, self._credentials)

    @contextlib.contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        """Make one request and give its response.

        Raises GoneError, NetworkError for what will not change, TransientError for what may.
        Faults inside the ``with`` block are translated too.
        """
        request = urllib.request.Request(  # noqa: S310  the opener knows http and https only
            _bare(url), headers={"User-Agent": AGENT, **headers}
        )
        authorization = self._credentials.header(url)
        if authorization:
            request.add_unredirected_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise _of_status(error, url) from error
        except urllib.error.URLError as error:
            raise _of_reason(error.reason, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise _of_reason(error, url) from error

    def retrying(self, action: Callable[[], T], url: str) -> T:
        """Do ``action`` until it raises no TransientError, with growing pauses; NetworkError."""
        for attempt in range(ATTEMPTS):
            try:
                return action()
            except TransientError as error:
                if attempt == ATTEMPTS - 1:
                    raise NetworkError(
                        f"`{shown(url)}` cannot be had: {error} ({ATTEMPTS} attempts)",
                        hint="check the network and run it again; what has come so far is kept",
                    ) from error
                self._sleep(_pause(attempt, error.wait))
        raise AssertionError  # the last attempt returns or raises

    def get(self, url: str, *, accept: str = "*/*") -> Page:
        """Return a document, tried again as `retrying` does; NetworkError, GoneError."""
        return self.retrying(lambda: self._get(url, accept), url)

    def _get(self, url: str, accept: str) -> Page:
        with self.open(url, {"Accept": accept}) as response:
            data = response.read(PAGE_LIMIT + 1)
            expected = response.headers.get("Content-Length", "")
            if expected.isdigit() and len(data) < int(expected):
                raise TransientError("the connection ended early")
            if len(data) > PAGE_LIMIT:
                raise NetworkError(f"`{shown(url)}` is larger than {PAGE_LIMIT >> 20} MiB")
            return Page(url=response.url, media_type=response.headers.get_content_type(), data=data)

    def size(self, url: str) -> int:
        """Return the size in bytes that the server says a file has; NetworkError if it does not."""
        return self.retrying(lambda: self._size(url), url)

    def _size(self, url: str) -> int:
        with self.open(url, {"Range": "bytes=0-0"}) as response:
            match response.headers.get("Content-Range", "").rpartition("/")[2]:
                case total if response.status == 206 and total.isdigit():
                    return int(total)
            length = response.headers.get("Content-Length", "")
            if response.status == 200 and length.isdigit():
                return int(length)
        raise NetworkError(f"the server does not say how large `{shown(url)}` is")


def _bare(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def _pause(attempt: int, asked: float) -> float:
    # Spread out, so that parallel downloads turned away together do not come back together.
    own: float = FIRST_WAIT_SECONDS * 2**attempt * random.uniform(1.0, 1.5)  # noqa: S311  not a secret
    return min(max(own, asked), LONGEST_WAIT_SECONDS)


def _of_status(error: urllib.error.HTTPError, url: str) -> NetworkError | TransientError:
    if error.code in {404, 410}:
        return GoneError(f"`{shown(url)}` does not exist (status {error.code})")
    if error.code == 416:
        return RangeRefusedError("the server refuses to resume")
    if error.code in RETRIED:
        after = error.headers.get("Retry-After", "")
        wait = float(after) if after.isdigit() else 0.0
        return TransientError(f"the server answers with status {error.code}", wait=wait)
    hint = "check the credentials in pip's settings or `netrc`" if error.code in {401, 403} else ""
    reason = f": {error.reason}" if error.code < 400 else ""
    return NetworkError(
        f"`{shown(url)}` cannot be had: the server answers with status {error.code}{reason}",
        hint=hint,
    )


def _of_reason(reason: object, url: str) -> NetworkError | TransientError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NetworkError(
            f"the certificate of `{shown(url)}` cannot be verified: {reason.verify_message}",
            hint="set `cert` in pip's settings, or `SSL_CERT_FILE`, to the machine's certificates",
        )
    if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
        return NetworkError(
            f"the host of `{shown(url)}` is not known",
            hint="check the network, the mirror and pip's settings",
        )
    return TransientError(f"the connection failed: {str(reason) or type(reason).__name__}")


def _opener(cert: str, proxy: str, credentials: Credentials) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(
        cafile=cert if cert and not Path(cert).is_dir() else None,
        capath=cert if cert and Path(cert).is_dir() else None,
    )
    proxies = {"http": proxy, "https": proxy} if proxy else None
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(credentials),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows up to ten redirects; see the module for what it refuses."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that follows a redirect."""
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.HTTPError(
                req.full_url, code, "it redirects from https to http", headers, fp
            )
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        authorization = self._credentials.header(newurl)
        if following is not None and authorization:
            following.add_unredirected_header("Authorization", authorization)
        return following
