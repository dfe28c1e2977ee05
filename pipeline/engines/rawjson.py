"""What ``docker buildx build --progress=rawjson`` says while it works.

Each line is a `SolveStatus` of BuildKit's client as JSON: vertices (the nodes of its graph) that
began, ended or failed, and what they print. What is no JSON is meant for people; it is kept for
failures that have no vertex.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from pipeline.engines.logs import TAIL_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WORDS = 400
"""Lines for people that are kept."""

_EXIT = re.compile(r"exit code: (\d+)$")
_STOPPED = ("context canceled", "code = Canceled", "graceful_stop")


class VertexStatus(TypedDict, total=False):
    """A vertex as it is sent; what is empty is left out."""

    digest: str
    name: str
    started: str
    completed: str
    error: str


class VertexLog(TypedDict):
    """A chunk that a vertex printed, in base64."""

    vertex: str
    data: str


class SolveStatus(TypedDict, total=False):
    """A line. Statuses (bytes transferred) and warnings are left aside."""

    vertexes: list[VertexStatus]
    logs: list[VertexLog]


@dataclass(kw_only=True)
class Vertex:
    """A node of the graph and what is known of it. ``since`` is our clock when it began to run."""

    name: str
    since: float = 0.0
    running: bool = False
    error: str = ""
    printed: int = 0
    tail: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Began:
    """A vertex runs from now on."""

    vertex: Vertex


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A vertex printed ``data``."""

    vertex: Vertex
    data: bytes


Event = Began | Printed


@dataclass(kw_only=True)
class Progress:
    """Everything said so far."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def feed(self, line: bytes, now: float) -> Iterator[Event]:
        """Take a line and yield what happened; ``now`` is the clock of `Vertex.since`."""
        status = _status(line)
        if status is None:
            self.words = [*self.words, line.decode(errors="replace").rstrip()][-WORDS:]
            return
        for sent in status.get("vertexes") or ():
            yield from self._vertex(sent, now)
        for log in status.get("logs") or ():
            vertex = self.vertices.setdefault(log["vertex"], Vertex(name=""))
            data = base64.b64decode(log["data"])
            vertex.printed += len(data)
            vertex.tail = (vertex.tail + data)[-TAIL_BYTES:]
            yield Printed(vertex=vertex, data=data)

    def _vertex(self, sent: VertexStatus, now: float) -> Iterator[Event]:
        vertex = self.vertices.setdefault(sent["digest"], Vertex(name=sent.get("name", "")))
        began = "started" in sent and "completed" not in sent and not vertex.running
        vertex.running = "started" in sent and "completed" not in sent
        vertex.error = sent.get("error", "")
        if began:
            vertex.since = now
            yield Began(vertex=vertex)

    @property
    def running(self) -> Sequence[Vertex]:
        """The vertices that run now."""
        return [vertex for vertex in self.vertices.values() if vertex.running]

    @property
    def failed(self) -> Vertex | None:
        """The vertex that failed by itself, not one that was stopped because another had."""
        failed = (vertex for vertex in self.vertices.values() if vertex.error)
        return next((vertex for vertex in failed if not stopped(vertex.error)), None)


def exit_status(error: str) -> int | None:
    """Return the exit status that a step's error tells; None for an error of another kind."""
    found = _EXIT.search(error)
    return int(found[1]) if found else None


def stopped(error: str) -> bool:
    """Whether a vertex did not fail by itself: its build was ended, or the builder went away."""
    return exit_status(error) is None and any(words in error for words in _STOPPED)


def _status(line: bytes) -> SolveStatus | None:
    if not line.startswith(b"{"):
        return None
    try:
        found: SolveStatus = json.loads(line)
    except ValueError:
        return None
    return found
