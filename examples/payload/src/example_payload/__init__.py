"""Ask a program, which lies beside this file in the wheel, what machine it was made for."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["PROGRAM", "machine"]

PROGRAM = Path(__file__).with_name("machine")
"""Where the wheel for this platform has the program."""


def machine() -> str:
    """Return the machine's name as the program prints it, such as ``x86_64``."""
    return subprocess.run([PROGRAM], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
