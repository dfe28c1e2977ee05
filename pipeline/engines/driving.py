"""What the engines over ``docker buildx build`` have in common: a build, and ending all builds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from pipeline.dockerfile.parser import parse
from pipeline.engines.buildx import Room, command, environment
from pipeline.engines.logs import Log, file_name
from pipeline.engines.protocol import BuildResult
from pipeline.engines.reading import check
from pipeline.engines.solving import Solve
from pipeline.engines.steps import steps
from pipeline.files import sha256_bytes
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.engines.buildx import Builder
    from pipeline.engines.protocol import BuildRequest
    from pipeline.store.store import Store

PAUSE = 0.02
"""Seconds between two looks whether all builds have ended."""


class Builds:
    """The builds that are under way. Safe to use from several threads."""

    def __init__(self) -> None:
        self._running: set[Event] = set()

    @contextmanager
    def one(self) -> Iterator[Event]:
        """Give the event that is set when the build of this block is to end."""
        cancelled = Event()
        self._running.add(cancelled)
        try:
            yield cancelled
        finally:
            self._running.discard(cancelled)

    def cancel(self) -> None:
        """End every build that is under way, and wait for it."""
        ending = set(self._running)
        for cancelled in ending:
            cancelled.set()
        while ending & self._running:
            time.sleep(PAUSE)


def build(
    request: BuildRequest,
    builder: Builder,
    images: Mapping[str, str],
    output: Callable[[bytes], None],
    *,
    store: Store,
    environ: Mapping[str, str],
    cancelled: Event,
    fresh: bool,
) -> BuildResult:
    """Build on ``builder``; ``images`` says where it finds each image context.

    Raises as `pipeline.engines.solving.Solve.run` does, and StoreError.
    """
    started = time.monotonic()
    check(request)
    stages = steps(parse(request.dockerfile))
    log = store.root / "logs" / file_name(request.label, _digest(request))
    with guarded("writing the log", log):
        opened = Log(log, output)
    with opened, store.scratch("build") as directory:
        room = Room(path=directory)
        with guarded("writing what Docker reads in", directory):
            room.furnish(request)
        solve = Solve(request=request, stages=stages, log=opened, cancelled=cancelled)
        solve.run(command(request, room, builder, images, fresh=fresh), environment(environ))
        tree = store.add_tree(room.output)
        where = room.node()
    seconds = time.monotonic() - started
    return BuildResult(output=tree, seconds=seconds, engine=where or builder.name, log=log)


def _digest(request: BuildRequest) -> str:
    contexts = sorted((name, context.digest) for name, context in request.contexts.items())
    return sha256_bytes(repr((request.dockerfile, contexts, request.platform)).encode())
