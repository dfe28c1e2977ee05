"""Who we are to each host: user and password from addresses and from ``netrc``, never shown."""

from __future__ import annotations

import netrc
import urllib.parse
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def origin(url: str) -> tuple[str, str]:
    """Return scheme, host and port of an address: what credentials belong to."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
