"""Waiting until a service can be used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import ServiceError

if TYPE_CHECKING:
    from pipeline.testing.order import Order

PAUSE = 0.03
LINES = 20


class Running(Protocol):
    """A service that was started."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def host(self) -> str:
        """Where it is to be reached."""

    @property
    def port(self) -> int:
        """The port there; 0 where it ended before it had one."""

    def ended(self) -> str:
        """Return how it ended, as ``ended with status 1``; empty while it runs."""

    def listens(self) -> bool:
        """Whether it accepts connections on its port, whatever accepts them on this machine."""

    def succeeds(self, command: tuple[str, ...]) -> bool:
        """Whether a command succeeds inside, beside the service."""


class Waiting(Protocol):
    """Who waits for the service; ``poll`` raises when nobody does any more."""

    def poll(self, seconds: float | None) -> None:
        """Pause so long at most."""


def wait(order: Order, running: Running, owner: Waiting) -> None:
    """Return when a service is ready; ServiceError when it ends before, or takes too long."""
    deadline = time.monotonic() + order.seconds
    while not _is_ready(order, running):
        if how := running.ended():
            raise _failed(order, f"{how} before it was ready")
        if time.monotonic() >= deadline:
            raise _failed(order, f"was not ready within {order.seconds:g} s: {_waited_for(order)}")
        owner.poll(PAUSE)


def _is_ready(order: Order, running: Running) -> bool:
    if order.line:
        return order.line in Path(order.log).read_text(encoding="utf-8", errors="replace")
    if order.check:
        return running.succeeds(order.check)
    return running.listens()


def _waited_for(order: Order) -> str:
    if order.line:
        return f"its output does not hold `{order.line}`"
    if order.check:
        return f"`{' '.join(order.check)}` does not succeed inside"
    return f"nothing listens on its port {order.port}"


def _failed(order: Order, what: str) -> ServiceError:
    lines = Path(order.log).read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
    return ServiceError(
        f"the service `{order.name}` {what}",
        hint="a service has to stay in the foreground and listen on all addresses (`0.0.0.0`)",
        detail=("the last it printed:", *lines) if lines else ("it printed nothing",),
    )
