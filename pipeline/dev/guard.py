"""Containers end with the process that runs them: also when it is terminated, hung up or killed.

A daemon knows nothing of who asked for a container, and keeps it. So a second process holds one end
of a pipe; when the other end is closed without a word, the first one is gone.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from pipeline.engines.daemon import connected, current_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def guarded(container: str, environ: Mapping[str, str]) -> Iterator[None]:
    """Have a container removed if this process does not come to the end of the block."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(writing)
        _watch(reading, container, environ)
    os.close(reading)
    try:
        yield
    finally:
        with suppress(BrokenPipeError):  # somebody ended the second process
            os.write(writing, b"\0")
        os.close(writing)
        os.waitpid(process, 0)


def _watch(reading: int, container: str, environ: Mapping[str, str]) -> NoReturn:
    """Wait for a word or for the end; nothing may return into what was forked."""
    try:
        os.setsid()  # neither the terminal's signals nor those to the caller's group are for us
        for number in (signal.SIGINT, *ENDING):
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.dup2(reading, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))  # locks among them, which would stay held
        if not os.read(3, 1):
            _remove(container, environ)
    finally:
        os._exit(0)


def _remove(container: str, environ: Mapping[str, str]) -> None:
    with suppress(Exception), connected(current_context(environ), environ) as client:
        client.api.remove_container(container, v=True, force=True)


@contextmanager
def tidy_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the block, so that a terminal is put back as it was.

    SystemExit with the status that shells give for a signal.
    """

    def end(number: int, frame: object) -> NoReturn:
        del frame
        raise SystemExit(128 + number)

    earlier = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
