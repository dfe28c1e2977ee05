"""The embedded engine: Dockerfiles built in namespaces of our own, without root or a daemon."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from pipeline.engines import emulation
from pipeline.engines.build import Build
from pipeline.engines.logs import Log, file_name
from pipeline.engines.protocol import Availability, BuildResult
from pipeline.engines.stages import Bench
from pipeline.errors import EngineUnavailableError, StageFailedError
from pipeline.files import remove_tree, sha256_bytes
from pipeline.platforms import native_platform
from pipeline.sandbox.launch import stop_all
from pipeline.sandbox.probe import probe
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.engines.protocol import BuildRequest
    from pipeline.store.store import Store

NAME = "sandbox"
PAUSE = 0.02
"""Seconds between two looks whether all builds have ended."""


class SandboxEngine:
    """Builds in the sandbox of `pipeline.sandbox`. Builds may run at the same time in threads.

    ``keep`` leaves the files of a failed build in the store's ``kept/``; ``shell`` gives a person
    at a terminal a shell in the failed step.
    """

    name = NAME

    def __init__(self, store: Store, *, keep: bool = False, shell: bool = False) -> None:
        self._store = store
        self._keep = keep
        self._shell = shell
        self._running: set[Event] = set()
        self._runs: dict[str, bool] = {}

    def probe(self) -> Availability:
        """Say whether steps can be isolated here, by trying."""
        with self._store.scratch("probe") as room:
            found = probe(str(room))
        return Availability(works=found.works, identity=NAME, reason=found.reason, hint=found.hint)

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build; see `pipeline.engines.protocol.Engine.build`."""
        cancelled = Event()
        self._running.add(cancelled)
        try:
            return self._build(request, output, cancelled)
        finally:
            self._running.discard(cancelled)

    def _build(
        self, request: BuildRequest, output: Callable[[bytes], None], cancelled: Event
    ) -> BuildResult:
        started = time.monotonic()
        for platform in sorted(emulation.platforms(request) - {native_platform()}):
            self._require(platform)
        name = file_name(request.label, _digest(request))
        log = self._store.root / "logs" / name
        with guarded("writing the log", log):
            opened = Log(log, output)
        with opened, self._room(name) as room:
            bench = Bench(
                request=request,
                store=self._store,
                room=room,
                log=opened,
                keep=self._keep,
                shell=self._shell,
                cancelled=cancelled,
            )
            tree = Build(bench, native_platform() or f"linux/{os.uname().machine}").run()
        seconds = time.monotonic() - started
        return BuildResult(output=tree, seconds=seconds, engine=NAME, log=log)

    def _require(self, platform: str) -> None:
        """Raise EngineUnavailableError unless programs of a foreign platform run here."""
        if platform not in self._runs:
            with self._store.scratch("probe") as room:
                self._runs[platform] = emulation.runs(platform, room)
        if not self._runs[platform]:
            reason, hint = emulation.why_not(platform)
            raise EngineUnavailableError(reason, hint=hint)

    def cancel(self) -> None:
        """End every build that is under way, and wait for it.

        See `pipeline.engines.protocol.Engine.cancel`. A build may be about to start a step when
        it is told to end, so steps are stopped until there is no build left.
        """
        ending = set(self._running)
        for cancelled in ending:
            cancelled.set()
        while ending & self._running:
            stop_all()
            time.sleep(PAUSE)

    @contextmanager
    def _room(self, name: str) -> Iterator[Path]:
        """Give a directory that is removed at the end, but for a failed step that is to be kept."""
        if not self._keep:
            with self._store.scratch("build") as room:
                yield room
            return
        room = self._store.root / "kept" / f"{name.removesuffix('.log')}-{os.urandom(4).hex()}"
        with guarded("making the directory", room):
            room.mkdir(mode=0o700, parents=True)
        try:
            yield room
        except StageFailedError:
            raise
        except BaseException:
            remove_tree(room)
            raise
        remove_tree(room)


def _digest(request: BuildRequest) -> str:
    contexts = sorted((name, context.digest) for name, context in request.contexts.items())
    return sha256_bytes(repr((request.dockerfile, contexts, request.platform)).encode())
