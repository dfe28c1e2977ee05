"""Who we are to Python indexes: user and password from addresses and ``netrc``, never shown."""

from __future__ import annotations

import netrc
import time
import urllib.parse
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.network.addresses import origin
from pipeline.network.transport import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.locking.settings import Settings

HINT = "check the credentials in pip's settings or `netrc`"


def pip_client(settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> Client:
    """Return a client that makes requests as the machine's pip would."""
    pip = settings.pip
    addresses = (pip.index, *pip.extra_indexes, *pip.find_links)
    return Client(
        timeout=pip.timeout,
        cert=pip.cert,
        proxy=pip.proxy,
        authorize=Credentials(addresses, settings.environ).header,
        login_hint=HINT,
        unreachable=settings.unreachable,
        sleep=sleep,
    )


class Credentials:
    """Who we are to each host: from its address, else from ``netrc``."""

    def __init__(self, addresses: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._known: dict[tuple[str, str], str] = {}
        for address in addresses:
            own = _in_address(address)
            if own:
                self._known[origin(address)] = own
        self._netrc = _read_netrc(environ)

    def header(self, url: str) -> str:
        """Return the ``Authorization`` for an address, empty for none."""
        known = _in_address(url) or self._known.get(origin(url), "")
        if known:
            return known
        host = urllib.parse.urlsplit(url).hostname or ""
        found = self._netrc.authenticators(host) if self._netrc else None
        return _basic(found[0], found[2] or "") if found else ""


def _in_address(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    unquote = urllib.parse.unquote
    return _basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else ""


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _read_netrc(environ: Mapping[str, str]) -> netrc.netrc | None:
    named = environ.get("NETRC", "")
    home = environ.get("HOME", "")
    path = Path(named) if named else Path(home) / ".netrc"
    if not (named or home) or not path.is_file():
        return None
    try:
        return netrc.netrc(str(path))
    except (OSError, netrc.NetrcParseError):
        return None  # as pip does: a broken file is no credentials
