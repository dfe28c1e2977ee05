"""What can go wrong with a request: what will not change, and what may be over the next time."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError
from pipeline.network.addresses import origin, shown

if TYPE_CHECKING:
    import urllib.error
    from collections.abc import Iterable

NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
"""What connect(2) says where no way leads to a host."""

ROUTES = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))
"""The kernel's routing tables for IPv4 and IPv6, as Linux shows them."""

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


def has_route(tables: Iterable[Path] = ROUTES) -> bool:
    """Whether a way leads out of this machine; assumed where the system does not show its routes.

    Without a default route no second attempt can help: the network is off. Bridges of containers
    have routes of their own all the while.
    """
    lines: list[str] = []
    for table in tables:
        try:
            lines += table.read_text().splitlines()
        except OSError:
            return True
    return any(_is_default(line.split()) for line in lines)


def _is_default(row: list[str]) -> bool:
    match row:
        case [interface, "00000000", _gateway, *_] if interface != "lo":
            return True
        case [destination, "00", _source, "00", *_, interface] if interface != "lo":
            return not destination.strip("0")
        case _:
            return False


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


def of_status(
    error: urllib.error.HTTPError, url: str, login_hint: str
) -> NetworkError | TransientError:
    """Return what a status means; ``login_hint`` is for a server that does not let us in."""
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


def of_reason(reason: object, url: str) -> NetworkError | TransientError:
    """Return what it means that no answer came, or only a part of one."""
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
