"""The process that keeps one service: starts it, says where it is, waits, and removes it.

It ends when its standard input does, or when the test run is gone, be it by SIGKILL. It answers
with one line of JSON on standard output. Its own words go to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pipeline.cli.session import Session
from pipeline.console import Console
from pipeline.engines import docker
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import ConfigError, EngineUnavailableError, LockError, PipelineError
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.provision import image_files
from pipeline.images.assemble import assemble
from pipeline.platforms import native_platform
from pipeline.testing import docked, sandboxed
from pipeline.testing.order import Order
from pipeline.testing.ready import wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.engines.protocol import ImageContext
    from pipeline.testing.ready import Running


class Gone(Exception):  # noqa: N818 - it is no error
    """Nobody needs the service any more."""


class Owner:
    """The test run. ``poll`` tells within ``seconds`` that it is done with us, by Gone."""

    def __init__(self, process: int) -> None:
        # Until now it is our parent for certain; afterwards the descriptor cannot mean another one.
        self._end = os.pidfd_open(process)
        if os.getppid() != process:
            raise Gone
        self._poll = select.poll()
        for descriptor in (sys.stdin.fileno(), self._end):
            self._poll.register(descriptor, select.POLLIN)

    def poll(self, seconds: float | None) -> None:
        """Raise Gone as soon as standard input or the process has ended; wait so long for that."""
        if self._poll.poll(None if seconds is None else seconds * 1000):
            raise Gone


def main() -> NoReturn:
    """Keep the service that is ordered on standard input."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    order = Order.read(sys.stdin.buffer.readline().decode())
    try:
        owner = Owner(order.owner)
        with _session(order) as session, _started(order, session) as running:
            wait(order, running, owner)
            _answer(
                {"service": {"host": running.host, "port": running.port, "engine": running.engine}}
            )
            owner.poll(None)
    except Gone:
        pass
    except PipelineError as error:
        _answer({"error": _document(error)})
    sys.exit(0)


def _answer(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _document(error: PipelineError) -> dict[str, object]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "detail": list(error.detail),
    }


def _session(order: Order) -> Session:
    arguments = argparse.Namespace(directory=Path(order.directory))
    return Session(arguments, Console.for_stderr(os.environ), os.environ, Path(order.directory))


@contextmanager
def _started(order: Order, session: Session) -> Iterator[Running]:
    engine = _engine(session)
    image = _image(order, session)
    if engine == SandboxEngine.name:
        with sandboxed.started(order, image, session.store) as running:
            yield running
    else:
        with docked.started(order, image, os.environ) as running:
            yield running


def _engine(session: Session) -> str:
    """Return ``sandbox`` or ``docker``: what is asked for and works, the sandbox if both do."""
    name, _ = session.engine_choice
    reasons = []
    if name in {"auto", SandboxEngine.name}:
        found = SandboxEngine(session.store).probe()
        if found.works:
            return SandboxEngine.name
        reasons.append(found)
    if name in {"auto", docker.NAME}:
        found = docked.probe(os.environ)
        if found.works:
            return docker.NAME
        reasons.append(found)
    if not reasons:
        raise EngineUnavailableError(
            f"the engine `{name}` runs no services",
            hint="for tests, set `PIPELINE_ENGINE` to `sandbox` or `docker`",
        )
    raise EngineUnavailableError(
        "no engine works here that could run services: "
        + "; ".join(f"`{one.identity}`: {one.reason}" for one in reasons),
        hint=next((one.hint for one in reasons if one.hint), ""),
    )


def _image(order: Order, session: Session) -> ImageContext:
    """Return the locked image, fetched and unpacked; LockError where it is not locked."""
    images = session.pipeline.images
    if order.image not in images:
        raise ConfigError(
            f"there is no image `{order.image}` to start a service from",
            hint=f"declare it in `images/{order.image}.yaml`, then run `pipeline lock`; "
            f"there are {', '.join(sorted(images)) or 'none'}",
        )
    platform = native_platform()
    lock = session.use_lock(images=[order.image])
    if platform not in lock.images[order.image].platforms:
        raise LockError(
            f"image `{order.image}` is not locked for this machine, which is `{platform}`",
            hint=f"add the platform to `images/{order.image}.yaml`, then run `pipeline lock`",
        )
    parents = {name: image.origin.image or "" for name, image in images.items()}
    wanted = image_files(order.image, platform, lock, parents)
    fetch_shown(wanted.values(), session.store, session.settings, session.console)
    return assemble(order.image, lock, platform, session.store)
