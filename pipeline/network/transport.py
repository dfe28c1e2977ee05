"""HTTP for resolving and fetching: retries, redirects, proxies, certificates.

On top of `urllib.request` (`pipeline.network.opener`). A request is tried again after connection
faults and the statuses that ask for it. Who we are to a host is told by the caller.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError
from pipeline.network.addresses import bare, shown
from pipeline.network.faults import TransientError, has_route, of_reason, of_status
from pipeline.network.opener import make_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO, TypeVar

    T = TypeVar("T")

ATTEMPTS = 6
ATTEMPTS_TO_CONNECT = 4
"""Where not even a connection comes about: the pauses between are 2.6 seconds at most."""

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
PAGE_LIMIT = 256 << 20
AGENT = "hermetic-pipeline"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A small document: where it was found in the end, its media type, and its bytes."""

    url: str
    media_type: str
    data: bytes


class Client:
    """Makes requests. Safe to use from several threads.

    ``cert`` is a file or directory of certificates and ``proxy`` an address, both by default as
    the environment says; ``authorize`` returns the ``Authorization`` for an address, or nothing;
    ``login_hint`` says what to do where a server refuses us; ``unreachable`` are hosts that were
    tried in vain, which clients may share; ``routed`` says whether a way leads out of this machine.
    """

    def __init__(
        self,
        *,
        timeout: float = TIMEOUT_SECONDS,
        cert: str = "",
        proxy: str = "",
        authorize: Callable[[str], str] = lambda _: "",
        login_hint: str = "",
        unreachable: set[str] | None = None,
        routed: Callable[[], bool] = has_route,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeout = timeout
        self._routed = routed
        self._sleep = sleep
        self._authorize = authorize
        self._login_hint = login_hint
        self._opener = make_opener(cert, proxy, authorize)
        self._unreachable = set() if unreachable is None else unreachable

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
            bare(url), data=data, headers={"User-Agent": AGENT, **headers}, method=method
        )
        if authorization := authorization or self._authorize(url):
            request.add_unredirected_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise of_status(error, url, self._login_hint) from error
        except urllib.error.URLError as error:
            raise of_reason(error.reason, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise of_reason(error, url) from error

    def retrying(self, action: Callable[[], T], url: str) -> T:
        """Do ``action`` until it raises no TransientError, with growing pauses; NetworkError.

        A host that could not be reached in all attempts at one file gets one at each other file.
        So does then any other host, as the network is off.
        """
        host = urllib.parse.urlsplit(url).netloc
        for attempt in itertools.count(1):
            try:
                return action()
            except TransientError as error:
                limit = self._limit(host, error)
                if attempt >= limit:
                    known = host in self._unreachable
                    if error.unreachable:
                        self._unreachable.add(host)
                    once = "not for other files either" if known else "no other host can be reached"
                    times = f"{attempt} attempts" if attempt > 1 else once
                    raise NetworkError(
                        f"`{shown(url)}` cannot be had: {error} ({times})",
                        hint="check the network and run it again; what has come so far is kept",
                    ) from error
                self._sleep(_pause(attempt - 1, error.wait))
        raise AssertionError  # counting does not end

    def _limit(self, host: str, error: TransientError) -> int:
        """Return how many attempts a fault is worth."""
        if host in self._unreachable:
            return 1
        if error.unreachable and (self._unreachable or not self._routed()):
            return 1
        return ATTEMPTS_TO_CONNECT if error.unreachable else ATTEMPTS

    def reach(self, url: str) -> None:
        """Return once a server answers at an address, whatever it says; NetworkError."""
        self.retrying(lambda: self._reach(url), url)

    def _reach(self, url: str) -> None:
        request = urllib.request.Request(  # noqa: S310  as above
            bare(url), headers={"User-Agent": AGENT}, method="HEAD"
        )
        try:
            self._opener.open(request, timeout=self._timeout).close()
        except urllib.error.HTTPError as error:
            error.close()
        except urllib.error.URLError as error:
            raise of_reason(error.reason, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise of_reason(error, url) from error

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


def _pause(attempt: int, asked: float) -> float:
    # Spread out, so that parallel downloads turned away together do not come back together.
    own: float = FIRST_WAIT_SECONDS * 2**attempt * random.uniform(1.0, 1.5)  # noqa: S311  not a secret
    return min(max(own, asked), LONGEST_WAIT_SECONDS)
