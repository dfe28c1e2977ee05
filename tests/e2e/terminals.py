"""A terminal for a command, typed at and read by a test."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

PATIENCE = 120.0
START = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the terminal of the session, as a login does."""


def at_terminal(project: Project, *words: str, typed: str) -> tuple[str, int]:
    """Run a verb at a terminal where ``typed`` is typed at the prompt: what it showed, its status.

    A prompt ends in ``$ `` or ``# ``.
    """
    controller, terminal = pty.openpty()
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
            shown = _talk(controller, typed)
        finally:
            os.close(controller)
    return shown, process.returncode


def _talk(controller: int, typed: str) -> str:
    shown, pending = b"", typed.encode()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            data = os.read(controller, 1 << 16)
        except OSError:  # EIO: nobody holds the other end any more
            break
        shown += data
        if pending and shown.endswith((b"$ ", b"# ")):
            os.write(controller, pending)
            pending = b""
    return shown.decode(errors="replace").replace("\r\n", "\n")
