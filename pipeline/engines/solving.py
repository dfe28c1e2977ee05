"""Running ``docker buildx build`` to its end, and telling what went wrong by who is to blame."""

from __future__ import annotations

import re
import shlex
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.engines.failures import lacking_version, reason, short
from pipeline.engines.logs import TAIL_LINES, last_lines
from pipeline.engines.rawjson import Printed, Progress, exit_status, stopped
from pipeline.engines.steps import is_step, locate
from pipeline.errors import ConfigError, EngineUnavailableError, StageFailedError, StoreError
from pipeline.process import watched
from pipeline.sandbox.launch import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

    from pipeline.dockerfile.instructions import Instruction
    from pipeline.engines.logs import Log
    from pipeline.engines.protocol import BuildRequest
    from pipeline.engines.rawjson import Vertex
    from pipeline.engines.steps import StageSteps
    from pipeline.errors import PipelineError
    from pipeline.sandbox.report import Reason

PAUSE = 0.1
"""Seconds until we look whether a bound was passed or the build was cancelled."""

KILLED = 128 + signal.SIGKILL

_SYNTAX = re.compile(r"dockerfile parse error on line (\d+): (.*)")
_LOST = ("code = Unavailable", "error reading from server", "transport is closing", "EOF")
_WHERE = re.compile(r"Dockerfile:(\d+)")
_FULL = "no space left on device"
_REFERENCE = re.compile(r"^failed to (?:calculate checksum|compute cache key)[^\"]*: (?=\")")
"""BuildKit's internal name of what it could not find, before the name in the Dockerfile."""


class LostError(Exception):
    """The builder went away, or it failed for a reason that lies in no step.

    ``words`` is what it said; ``began`` whether there was a builder to begin with.
    """

    def __init__(self, words: tuple[str, ...], *, began: bool) -> None:
        super().__init__(words[-1] if words else "it said nothing")
        self.words = words
        self.began = began

    def explained(self, builder: str) -> EngineUnavailableError:
        """Return the error of a builder that answers and yet did not finish the build."""
        said = str(self).removeprefix("ERROR: ")
        return EngineUnavailableError(
            f"{builder} did not finish the build: {said}", detail=self.words[:-1]
        )


class KilledStepError(StageFailedError):
    """A step was killed: by something inside of it, or with the builder that it ran on."""


@dataclass(kw_only=True)
class Solve:
    """One build under way."""

    request: BuildRequest
    stages: Sequence[StageSteps]
    log: Log
    cancelled: Event
    progress: Progress = field(default_factory=Progress)
    _speaking: Vertex | None = None

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Run buildx; StageFailedError, ConfigError, StoreError, EngineUnavailableError, LostError.

        When this returns or raises, nothing of it runs any more.
        """
        with watched(command, env=env) as process:
            while (lines := process.lines(PAUSE)) is not None:
                for line in lines:
                    self._take(line)
                self._check_bounds()
            status = process.status()
        if self.cancelled.is_set():
            raise self._interrupted()
        if status:
            raise self._failure()

    def _take(self, line: bytes) -> None:
        for event in self.progress.feed(line, time.monotonic()):
            if self._speaking is not event.vertex and (step := self._locate(event.vertex)):
                self._speaking = event.vertex
                self.log.heading(f"Dockerfile:{step.line}: {short(step)}")
            if isinstance(event, Printed):
                self.log.write(event.data)

    def _locate(self, vertex: Vertex) -> Instruction | None:
        names = [each.name for each in self.progress.vertices.values()]
        return locate(vertex.name, self.stages, names)

    def _check_bounds(self) -> None:
        """Raise for a step that is over a bound, or when the build was cancelled."""
        if self.cancelled.is_set():
            raise self._interrupted()
        limits, now = self.request.limits, time.monotonic()
        for vertex in self.progress.running:
            if limits.output and vertex.printed > limits.output:
                raise self._step_failed(vertex, self._ended("output"))
            late = limits.seconds and now - vertex.since > limits.seconds
            if late and is_step(vertex.name):
                raise self._step_failed(vertex, self._ended("timeout"))

    def _interrupted(self) -> StageFailedError:
        for vertex in self.progress.running:
            if self._locate(vertex):
                return self._step_failed(vertex, "was interrupted")
        return StageFailedError("the build was interrupted")

    def _failure(self) -> PipelineError | LostError:
        """Return what a build failed of, from what the builder said about its vertices."""
        vertex = self.progress.failed
        if vertex is None:
            return self._without_vertex()
        status = exit_status(vertex.error)
        if status is not None:
            return self._step_failed(vertex, self._exit(status))
        if _FULL in vertex.error:
            return self._disk_full(vertex)
        if self._locate(vertex) is None or _is_lost(vertex.error):
            return LostError(self._words(), began=True)
        return self._step_failed(vertex, self._why(vertex.error))

    def _without_vertex(self) -> PipelineError | LostError:
        """Return what was said to people alone: BuildKit does not blame a vertex for all it is."""
        words = self._words()
        said = re.sub(r"^ERROR: (failed to (build|solve): )*", "", words[-1]) if words else ""
        if _FULL in said:
            return self._disk_full(None)
        if syntax := _SYNTAX.search(said):
            return ConfigError(
                f"Docker cannot read the Dockerfile: {syntax[2]}", where=f"Dockerfile:{syntax[1]}"
            )
        line = next((int(found[1]) for found in map(_WHERE.fullmatch, words) if found), 0)
        for stage in self.stages:
            for step in stage.counted:
                if step.line == line and not stopped(said) and not _is_lost(said):
                    return self._failed(step, self._why(said))
        return LostError(words, began=bool(self.progress.vertices))

    def _disk_full(self, vertex: Vertex | None) -> PipelineError:
        if vertex and vertex.name.startswith("exporting to client"):
            return StoreError(
                f"the disk is full where the output of `{self.request.label}` is kept",
                hint="free some space, such as with `pipeline cache prune`",
            )
        return EngineUnavailableError(
            "the disk of the builder is full",
            hint="free some space, such as with `docker buildx prune`",
            detail=self._words(),
        )

    def _step_failed(self, vertex: Vertex, what: str) -> StageFailedError:
        step = self._locate(vertex)
        if step is None:
            return StageFailedError(f"`{vertex.name}` {what}", detail=self._words())
        return self._failed(step, what, vertex)

    def _failed(
        self, step: Instruction, what: str, vertex: Vertex | None = None
    ) -> StageFailedError:
        label = shlex.quote(self.request.label or "STAGE")
        repeat = f"`pipeline render {label} --output DIR` writes all it takes to repeat it"
        killed = vertex is not None and exit_status(vertex.error) == KILLED
        kind = KilledStepError if killed else StageFailedError
        tail = last_lines(vertex.tail) if vertex else ()
        return kind(
            f"`{short(step)}` {what}",
            where=f"Dockerfile:{step.line}",
            hint="" if self.request.internal else repeat + lacking_version(tail),
            detail=(f"full log: {self.log.path}",),
            output=tail,
            log=str(self.log.path),
        )

    def _exit(self, status: int) -> str:
        known = status - 128 in {number.value for number in signal.Signals}
        how: Reason = "signal" if known else "exited"
        return reason(Outcome(status=status, reason=how, seconds=0), self.request.limits)

    def _ended(self, how: Reason) -> str:
        return reason(Outcome(status=KILLED, reason=how, seconds=0), self.request.limits)

    def _words(self) -> tuple[str, ...]:
        """Return the last of what was said to people, without the excerpts of the Dockerfile."""
        return tuple(word for word in self.progress.words if word.strip())[-TAIL_LINES:]

    def _why(self, error: str) -> str:
        """Return why an instruction failed: as the sandbox says it, else in BuildKit's words."""
        if error.endswith("cannot allocate memory"):
            return self._ended("memory")
        return f"failed: {_REFERENCE.sub('', error)}"


def _is_lost(error: str) -> bool:
    return any(words in error for words in _LOST)
