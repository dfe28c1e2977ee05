"""Timing whole processes: wall seconds and peak memory as the kernel accounts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A median of several runs: seconds of wall time, and the largest peak memory in bytes."""

    seconds: float
    memory: int

    @property
    def milliseconds(self) -> str:
        """The time, for people."""
        return f"{self.seconds * 1000:.1f} ms"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is timed. ``before`` is called before each run, outside of the timing."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    before: Callable[[], None] = lambda: None


def side_by_side(commands: Sequence[Command], *, runs: int) -> list[Reading]:
    """Time several commands in turn (A B C A B C), after one run of each that does not count.

    RuntimeError with its words when one fails.
    """
    readings: list[list[tuple[float, int]]] = [[] for _ in commands]
    for number in range(runs + 1):
        for command, taken in zip(commands, readings, strict=True):
            reading = _once(command)
            if number:
                taken.append(reading)
    return [
        Reading(
            seconds=statistics.median(seconds for seconds, _ in taken),
            memory=max(memory for _, memory in taken),
        )
        for taken in readings
    ]


def _once(command: Command) -> tuple[float, int]:
    command.before()
    began = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    words = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command.argv)}\n{words.decode(errors='replace')[-2000:]}")
    return seconds, usage.ru_maxrss * 1024
