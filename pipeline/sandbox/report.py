"""What the child tells, and what follows from it."""

from __future__ import annotations

import io
import marshal
import os
import signal
from dataclasses import dataclass
from typing import Literal

from pipeline.sandbox import hints
from pipeline.sandbox.error import SandboxError

Reason = Literal["exited", "signal", "timeout", "output", "memory", "disk"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The child's words.

    Mount points it ``made``, the wait status with which the program ``ended``, the signal that
    ``killed`` pid 1, or the call, path and errno that ``failed``.
    """

    made: tuple[str, ...] = ()
    ended: int | None = None
    killed: int | None = None
    failed: tuple[str, str, int] | None = None

    @classmethod
    def read(cls, told: bytes) -> Report:
        """Return the report in a row of marshalled tuples."""
        found: dict[str, object] = {}
        stream = io.BytesIO(told)
        while stream.tell() < len(told):
            # From our own child, on a pipe that no program of the step ever holds.
            name, *values = marshal.load(stream)  # noqa: S302
            found[name] = tuple(values) if name == "failed" else values[0]
        return cls(**found)  # type: ignore[arg-type]  # the child writes these very names

    def judge(self, broken: Reason | None, *, out_of_memory: bool) -> tuple[int, Reason]:
        """Return status and reason, or raise SandboxError where no step ran."""
        if broken:
            return 128 + signal.SIGKILL, broken
        if self.failed:
            call, path, number = self.failed
            raise SandboxError(call, path, number, hints.explain(call, path, number))
        if self.ended is not None and os.WIFEXITED(self.ended):
            status = os.WEXITSTATUS(self.ended)
            return status, "memory" if out_of_memory and status else "exited"
        if self.ended is None and self.killed is None:
            raise SandboxError("the launcher child ended without a word")
        number = self.killed or os.WTERMSIG(self.ended or 0)
        return 128 + number, "memory" if out_of_memory else "signal"
