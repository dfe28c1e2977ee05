"""What `urllib.request` is made of here: only http and https, and redirects that give nothing away.

A redirect never leads from https to http and never carries credentials to another host.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline.network.addresses import is_loopback, origin

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable


def make_opener(
    cert: str, proxy: str, authorize: Callable[[str], str]
) -> urllib.request.OpenerDirector:
    """Return an opener; the arguments are those of `pipeline.network.transport.Client`."""
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
    """Follows up to ten redirects; see above for what it refuses."""

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
