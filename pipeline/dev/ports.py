"""Ports of a container that are open on this machine."""

from __future__ import annotations

import errno
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCAL = "127.0.0.1"
HIGHEST = 65535
_PORT = re.compile(
    r"(?:(?P<host>[0-9.]+|\[[0-9a-f:]+\]):)?(?P<outer>\d{1,5}):(?P<inner>\d{1,5})(?P<kind>/udp)?"
)


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the container, open on this machine; the outer one 0 for any that is free."""

    host: str
    outer: int
    inner: str

    @classmethod
    def parse(cls, text: str) -> Port:
        """Read ``8000:80``, ``0.0.0.0:8000:80`` or ``53:53/udp``; UsageError."""
        match = _PORT.fullmatch(text)
        numbers = [int(match[name]) for name in ("outer", "inner")] if match else []
        if match is None or max(numbers) > HIGHEST or not numbers[1]:
            raise UsageError(
                f"`{text}` is no pair of ports",
                hint="write the port of this machine, then that inside: `--publish 8000:80`",
            )
        kind = match["kind"] or "/tcp"
        return cls(
            host=(match["host"] or LOCAL).strip("[]"),
            outer=int(match["outer"]),
            inner=f"{int(match['inner'])}{kind}",
        )

    def require_free(self) -> None:
        """Raise UsageError for a port of this machine that another program has, or nobody may."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.inner.endswith("/udp") else socket.SOCK_STREAM
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((self.host, self.outer))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise taken(str(self)) from error
                if error.errno == errno.EADDRNOTAVAIL:
                    raise UsageError(f"`{self.host}` is no address of this machine") from error

    def __str__(self) -> str:
        return f"{self.host}:{self.outer}:{self.inner.removesuffix('/tcp')}"


def parse_all(texts: Sequence[str]) -> tuple[Port, ...]:
    """Read ports; UsageError also for one of this machine that is to be two ports inside."""
    ports = tuple(Port.parse(text) for text in texts)
    asked: dict[tuple[str, int, str], Port] = {}
    for port in (one for one in ports if one.outer):
        place = (port.host, port.outer, port.inner.partition("/")[2])
        if place in asked:
            raise UsageError(
                f"`--publish {asked[place]}` and `--publish {port}` open the same port of this "
                "machine"
            )
        asked[place] = port
    return ports


def taken(port: str) -> UsageError:
    """Return the error for a port that cannot be had."""
    return UsageError(
        f"the port of `--publish {port}` is taken by another program",
        hint="publish another one, or `0:PORT` for any that is free",
    )
