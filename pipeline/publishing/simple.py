"""What an index has, read through its Simple API (PEP 691 as JSON, PEP 503 as HTML).

`pipeline.locking.index` reads the pages; here they are asked for anew each time, past caches, and
only of the one index that is published to.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.locking.index import ACCEPT, project_of, read_page
from pipeline.network.addresses import origin, shown
from pipeline.network.faults import GoneError, TransientError, UnauthorizedError
from pipeline.network.transport import read_page as receive
from pipeline.publishing.index import LOGIN_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from http.client import HTTPResponse

    from pipeline.locking.index import Link
    from pipeline.network.transport import Client

    T = TypeVar("T")

PIECE = 1 << 16
FRESH = {"Cache-Control": "no-cache"}
"""What asks the caches on the way for the present answer (RFC 9111, section 5.2.1.4)."""


class SimpleIndex:
    """The reading side of the index at ``address``.

    ``login`` gives the ``Authorization`` to answer with when the index asks who we are.
    """

    def __init__(self, client: Client, address: str, login: Callable[[], str]) -> None:
        self._client = client
        self._address = address.rstrip("/")
        self._login = login

    def files(self, project: str) -> Sequence[Link]:
        """Return all files of a project, none where the index does not know it; NetworkError."""
        url = f"{self._address}/{project}/"
        try:
            page = self._client.retrying(lambda: self._ask(url, ACCEPT, receive), url)
        except GoneError:
            return ()
        if _host(page.url) != _host(url):
            return ()  # an index that sends us elsewhere for what it does not have (pypiserver)
        return [link for link in read_page(page) if project_of(link.name) == project]

    def digest(self, link: Link) -> str:
        """Return the sha256 of a file's bytes, empty when there is no such file; NetworkError."""
        try:
            return self._client.retrying(lambda: self._ask(link.url, "*/*", _hashed), link.url)
        except GoneError:
            return ""

    def _ask(self, url: str, accept: str, read: Callable[[HTTPResponse], T]) -> T:
        """Make one request; once more with our login where the index itself asks for it."""
        headers = {"Accept": accept, **FRESH}
        try:
            with self._client.open(url, headers) as response:
                return read(response)
        except UnauthorizedError:
            ours = self._login() if origin(url) == origin(self._address) else ""
            if not ours:
                raise
        try:
            with self._client.open(url, headers, authorization=ours) as response:
                return read(response)
        except GoneError:
            raise
        except NetworkError as error:
            raise ReleaseRefusedError(
                f"`{shown(self._address)}` does not know us: user or password is wrong, or the "
                "token expired",
                hint=LOGIN_HINT,
            ) from error


def _hashed(response: HTTPResponse) -> str:
    """Return the sha256 of an answer; TransientError when it ends early."""
    found, size = hashlib.sha256(), 0
    while piece := response.read(PIECE):
        found.update(piece)
        size += len(piece)
    wanted = response.headers.get("Content-Length", "")
    if wanted.isdigit() and int(wanted) != size:
        raise TransientError(f"the connection ended after {size} of {wanted} bytes")
    return found.hexdigest()


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or ""
