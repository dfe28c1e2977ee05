"""Addresses: what may be shown of one, and to whom what we know belongs."""

from __future__ import annotations

import ipaddress
import urllib.parse
from pathlib import Path


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


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine itself."""
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def bare(url: str) -> str:
    """Return an address without user, password and fragment: what a request is made with."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
