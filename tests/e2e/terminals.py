"""A terminal for a command, typed at and read by a test."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

PATIENCE = 120.0
PROMPTS = (b"$ ", b"# ", b"(buildx) ")
START = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the terminal of the session, as a login does."""


def at_terminal(
    project: Project,
    *words: str,
    typed: str,
    then: tuple[str, ...] = (),
    resized: tuple[int, int] = (24, 80),
) -> tuple[str, int]:
    """Run a verb at a terminal of 24 lines: what it showed, and its status.

    ``typed`` is typed at the first prompt, ``then`` at those that follow; before them the terminal
    gets another size.
    """
    controller, terminal = pty.openpty()
    _resize(controller, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-c", START, *project.command(*words)],
        cwd=project.root,
        env=project.variables | {"TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            shown = _talk(controller, [typed, *then], resized)
        finally:
            os.close(controller)
    return shown, process.returncode


def _resize(controller: int, size: tuple[int, int]) -> None:
    fcntl.ioctl(controller, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def _talk(controller: int, typed: list[str], resized: tuple[int, int]) -> str:
    shown, answered = b"", 0
    pending = [text.encode() for text in typed]
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            data = os.read(controller, 1 << 16)
        except OSError:  # EIO: nobody holds the other end any more
            break
        shown += data
        if pending and shown[answered:].endswith(PROMPTS):
            if answered:
                _resize(controller, resized)
            os.write(controller, pending.pop(0))
            answered = len(shown)
    return shown.decode(errors="replace").replace("\r", "")
