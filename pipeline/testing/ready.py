"""Waiting until a service can be used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.testing.order import Order

PAUSE = 0.03
LINES = 20
DONE = "ended with status 0"
"""How a service ends that was not meant to: it has gone on in the background."""
STAYING = "a service has to stay in the foreground: look for an option against `daemonize`"
LISTENING = "a service has to listen on all addresses (`0.0.0.0`), not on its loopback alone"


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

    def tried(self, command: tuple[str, ...], pause: Callable[[], None]) -> str:
        """Run a command inside, beside the service; return how it failed, empty if it succeeded.

        ``pause`` is called until it ends; what that raises is passed on.
        """


class Waiting(Protocol):
    """Who waits for the service; ``poll`` raises when nobody does any more."""

    def poll(self, seconds: float | None) -> None:
        """Pause so long at most."""


def wait(order: Order, running: Running, owner: Waiting) -> None:
    """Return when a service is ready; ServiceError when it ends before, or takes too long."""
    deadline = time.monotonic() + order.seconds
    lack = f"`{' '.join(order.check)}` does not end inside"

    def pause() -> None:
        if time.monotonic() >= deadline:
            hint = "" if order.line or order.check else LISTENING
            raise _failed(order, f"was not ready within {order.seconds:g} s: {lack}", hint)
        owner.poll(PAUSE)

    while True:
        lack = _lack(order, running, pause)
        if how := running.ended():
            raise _failed(order, f"{how} before it was ready", STAYING if how == DONE else "")
        if not lack:
            return
        pause()


def _lack(order: Order, running: Running, pause: Callable[[], None]) -> str:
    """Return what is still to come, as the end of a sentence; empty once a service is ready."""
    if order.line:
        text = Path(order.log).read_text(encoding="utf-8", errors="replace")
        return "" if order.line in text else f"its output does not hold `{order.line}`"
    if order.check:
        how = running.tried(order.check, pause)
        return how and f"`{' '.join(order.check)}` {how} inside"
    return "" if running.listens() else f"nothing listens on its port {order.port}"


def _failed(order: Order, what: str, hint: str) -> ServiceError:
    lines = Path(order.log).read_text(encoding="utf-8", errors="replace").splitlines()
    told = ("the last it printed:", *lines[-LINES:]) if lines else ("it printed nothing",)
    more = f"all that it printed is in `{order.log}`" if len(lines) > LINES else ""
    return ServiceError(
        f"the service `{order.name}` {what}",
        hint="; ".join(filter(None, (hint, more))),
        detail=told,
    )
