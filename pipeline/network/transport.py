"""HTTP for resolving and fetching: retries, redirects, proxies, certificates.

On top of `urllib.request`, with only the http and https schemes. A request is tried again after
connection faults and the statuses that ask for it; a redirect never leads from https to http and
never carries credentials to another host. Who we are to a host is told by the caller.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO, TypeVar

    T = TypeVar("T")

ATTEMPTS = 6
NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
"""What connect(2) says where no way leads to a host."""

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
PAGE_LIMIT = 256 << 20
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
AGENT = "hermetic-pipeline"


class GoneError(NetworkError):
    """The server has no such file (404 or 410)."""


class UnauthorizedError(NetworkError):
    """The server asks who we are (401); ``challenges`` are its ``WWW-Authenticate`` headers."""

    challenges: tuple[str, ...] = ()


class TransientError(Exception):
    """A fault that may be over on the next attempt; ``wait`` seconds were asked for.

    ``unreachable`` says that not even a connection came about.
    """

    def __init__(self, reason: str, *, wait: float = 0.0, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unreachable = unreachable


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


def origin(url: str) -> tuple[str, str]:
    """Return scheme, host and port of an address: what credentials belong to."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


class Client:
    """Makes requests. Safe to use from several threads.

    ``cert`` is a file or directory of certificates and ``proxy`` an address, both by default as
    the environment says; ``authorize`` returns the ``Authorization`` for an address, or nothing;
    ``login_hint`` says what to do where a server refuses us.
    """

    def __init__(
        self,
        *,
        timeout: float = TIMEOUT_SECONDS,
        cert: str = "",
        proxy: str = "",
        authorize: Callable[[str], str] = lambda _: "",
        login_hint: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeout = timeout
        self._sleep = sleep
        self._authorize = authorize
        self._login_hint = login_hint
        self._opener = _opener(cert, proxy, authorize)
        self._unreachable: set[str] = set()

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        authorization: str = "",
        data: bytes | IO[bytes] | None = None,
        method: str | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Make one request and give its response; with ``data`` it is a POST unless ``method`` is.

        ``authorization`` stands before what is known of the address. Raises GoneError,
        UnauthorizedError, NetworkError for what will not change, TransientError for what may.
        Faults inside the ``with`` block are translated too.
        """
        request = urllib.request.Request(  # noqa: S310  the opener knows http and https only
            _bare(url), data=data, headers={"User-Agent": AGENT, **headers}, method=method
        )
        if authorization := authorization or self._authorize(url):
            request.add_unredirected_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise _of_status(error, url, self._login_hint) from error
        except urllib.error.URLError as error:
            raise _of_reason(error.reason, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise _of_reason(error, url) from error

    def retrying(self, action: Callable[[], T], url: str) -> T:
        """Do ``action`` until it raises no TransientError, with growing pauses; NetworkError.

        A host that could not be reached in all attempts at one file gets one at each other file.
        """
        host = urllib.parse.urlsplit(url).netloc
        attempts = 1 if host in self._unreachable else ATTEMPTS
        for attempt in range(attempts):
            try:
                return action()
            except TransientError as error:
                if attempt == attempts - 1:
                    if error.unreachable:
                        self._unreachable.add(host)
                    times = f"{attempts} attempts" if attempts > 1 else "not for other files either"
                    raise NetworkError(
                        f"`{shown(url)}` cannot be had: {error} ({times})",
                        hint="check the network and run it again; what has come so far is kept",
                    ) from error
                self._sleep(_pause(attempt, error.wait))
        raise AssertionError  # the last attempt returns or raises

    def get(self, url: str, *, accept: str = "*/*") -> Page:
        """Return a document, tried again as `retrying` does; NetworkError, GoneError."""
        return self.retrying(lambda: self._get(url, accept), url)

    def _get(self, url: str, accept: str) -> Page:
        with self.open(url, {"Accept": accept}) as response:
            return read_page(response)

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


def read_page(response: http.client.HTTPResponse, limit: int = PAGE_LIMIT) -> Page:
    """Return the document in a response of at most ``limit`` bytes.

    Raises TransientError when it ends early, NetworkError when it is larger.
    """
    data = response.read(limit + 1)
    expected = response.headers.get("Content-Length", "")
    if len(data) > limit or (expected.isdigit() and int(expected) > limit):
        raise NetworkError(f"`{shown(response.url)}` is larger than {limit >> 20} MiB")
    if expected.isdigit() and len(data) < int(expected):
        raise TransientError("the connection ended early")
    return Page(url=response.url, media_type=response.headers.get_content_type(), data=data)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine itself."""
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bare(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def _pause(attempt: int, asked: float) -> float:
    # Spread out, so that parallel downloads turned away together do not come back together.
    own: float = FIRST_WAIT_SECONDS * 2**attempt * random.uniform(1.0, 1.5)  # noqa: S311  not a secret
    return min(max(own, asked), LONGEST_WAIT_SECONDS)


def _of_status(
    error: urllib.error.HTTPError, url: str, login_hint: str
) -> NetworkError | TransientError:
    if error.code in {404, 410}:
        return GoneError(f"`{shown(url)}` does not exist (status {error.code})")
    if error.code == 416:
        return RangeRefusedError("the server refuses to resume")
    if error.code in RETRIED:
        after = error.headers.get("Retry-After", "")
        wait = float(after) if after.isdigit() else 0.0
        return TransientError(f"the server answers with status {error.code}", wait=wait)
    reason = f": {error.reason}" if error.code < 400 else ""
    message = f"`{shown(url)}` cannot be had: the server answers with status {error.code}{reason}"
    if error.code == 401:
        refusal = UnauthorizedError(message, hint=login_hint)
        # Another host, to which we were redirected, may not ask for what this one may know.
        if origin(error.url or "") == origin(url):
            refusal.challenges = tuple(error.headers.get_all("WWW-Authenticate", ()))
        return refusal
    return NetworkError(message, hint=login_hint if error.code == 403 else "")


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
    return TransientError(
        f"the connection failed: {str(reason) or type(reason).__name__}",
        unreachable=isinstance(reason, socket.gaierror | ConnectionRefusedError)
        or (isinstance(reason, OSError) and reason.errno in NO_WAY),
    )


def _opener(
    cert: str, proxy: str, authorize: Callable[[str], str]
) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(
        cafile=cert if cert and not Path(cert).is_dir() else None,
        capath=cert if cert and Path(cert).is_dir() else None,
    )
    proxies = {"http": proxy, "https": proxy} if proxy else None
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Proxies(proxies),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(authorize),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Proxies(urllib.request.ProxyHandler):
    """Asks the proxies for everything but this machine itself."""

    def proxy_open(
        self,
        req: urllib.request.Request,
        proxy: str,
        type: str,  # noqa: A002  the name it has in urllib
    ) -> object:
        """Return None for a request that goes without a proxy."""
        return None if is_loopback(req.host) else super().proxy_open(req, proxy, type)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows up to ten redirects; see the module for what it refuses."""

    def __init__(self, authorize: Callable[[str], str]) -> None:
        self._authorize = authorize

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that follows a redirect, with what its own host may know of us."""
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.HTTPError(
                req.full_url, code, "it redirects from https to http", headers, fp
            )
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        authorization = self._authorize(newurl)
        if not authorization and origin(newurl) == origin(req.full_url):
            authorization = req.unredirected_hdrs.get("Authorization", "")
        if following is not None and authorization:
            following.add_unredirected_header("Authorization", authorization)
        return following
