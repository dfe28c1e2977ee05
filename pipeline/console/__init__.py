"""What people see of a run. Standard library only, and little of it: every path imports this."""

from __future__ import annotations

from pipeline.console.console import Console, Progress, Speaker
from pipeline.console.text import (
    human_seconds,
    human_size,
    printable_text,
    stdout_width,
    table,
    wrapped,
)

__all__ = [
    "Console",
    "Progress",
    "Speaker",
    "human_seconds",
    "human_size",
    "printable_text",
    "stdout_width",
    "table",
    "wrapped",
]
