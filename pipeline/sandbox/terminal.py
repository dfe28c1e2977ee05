"""Lending the caller's terminal to a step that a person looks into."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def lent() -> Iterator[None]:
    """Leave the terminal's keys to the step; take the terminal back as it was.

    A shell inside makes itself the terminal's foreground group, and may die with the terminal in
    raw mode. Without a terminal on standard input there is nothing to lend.
    """
    here = sys.__stdin__.fileno() if sys.__stdin__ else -1
    if here < 0 or not os.isatty(here):
        yield
        return
    state = termios.tcgetattr(here)
    main = threading.current_thread() is threading.main_thread()
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        # Setting either from the background would stop us.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        os.tcsetpgrp(here, os.getpgrp())
        termios.tcsetattr(here, termios.TCSADRAIN, state)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if main:
            signal.signal(signal.SIGINT, earlier)
