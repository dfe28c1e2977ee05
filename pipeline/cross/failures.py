"""Telling from a failed build's last lines that it wanted to run what it had compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

INSISTS = "the build ran a program that it had made for"
"""How `pipeline.inside.build`, which reads all of the output, says it in the end."""


def ran_foreign_code(lines: Iterable[str]) -> bool:
    """Whether a cross build failed since a program for its target does not run here."""
    return any(INSISTS in line for line in lines)
