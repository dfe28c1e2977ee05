"""The one place that starts programs of the host (steps run in `pipeline.sandbox`).

Argument lists only, standard input closed unless given, the environment explicit. A program is
interrupted, then terminated, then killed when we are.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, StageFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 2.0
CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a program left: its exit status and both streams, decoded with replacement.

    ``data`` is its standard output as it was.
    """

    status: int
    stdout: str
    stderr: str
    data: bytes = b""


def printable(command: Sequence[str]) -> str:
    """Return ``command`` as a line that a POSIX shell would read back as the same words."""
    return shlex.join(command)


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a program to its end and return what it printed; its exit status is not judged.

    Raises PipelineError when it cannot be started or outlasts ``timeout`` seconds.
    """
    try:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise _not_started(command, error) from error
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        stop(process)
        raise PipelineError(f"`{printable(command)}` did not end within {timeout:g} s") from error
    except BaseException:
        stop(process)
        raise
    return Completed(
        status=process.returncode,
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
        data=stdout,
    )


def check(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program that must succeed and return its standard output.

    Raises StageFailedError with the program's own words and the command that repeats it.
    """
    completed = run(command, env=env, cwd=cwd, stdin=stdin, timeout=timeout)
    if completed.status:
        words = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-40:]
        raise StageFailedError(
            f"`{command[0]}` ended with status {completed.status}",
            hint=f"repeat it with `{printable(command)}`",
            detail=tuple(words),
        )
    return completed.stdout


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program: interrupt, then terminate, then kill, with a little time between."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()


class Watched:
    """A running program whose standard error is read line by line while it runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""
        self._open = True

    def lines(self, seconds: float) -> list[bytes] | None:
        """Wait at most ``seconds`` for whole lines; none may come. None once the stream ended."""
        stream = self._process.stderr
        if stream is None or not self._open:
            return None
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return []
        data = os.read(stream.fileno(), CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data:
            self._open = False
            lines = [self._rest] if self._rest else []
        return lines

    def status(self) -> int:
        """Wait for the program's end and return its exit status."""
        return self._process.wait()


@contextmanager
def watched(command: Sequence[str], *, env: Mapping[str, str]) -> Iterator[Watched]:
    """Start a program in a process group of its own; when the block ends nothing of it runs.

    A terminal's Ctrl-C does not reach it, so that it is ended in one way only. Its standard output
    is dropped. PipelineError when it cannot be started.
    """
    try:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(command, error) from error
    try:
        with process:
            try:
                yield Watched(process)
            finally:
                _stop_group(process)
    finally:
        # The group outlives its leader while any member does.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _not_started(command: Sequence[str], error: OSError) -> PipelineError:
    return PipelineError(
        f"`{command[0]}` cannot be started: {error.strerror}",
        hint=f"check that `{command[0]}` is installed and may be executed",
    )
