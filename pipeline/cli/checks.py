"""A row of what ``pipeline doctor`` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at. ``state`` is ``works``, ``limited``, ``none here`` or ``fails``."""

    what: str
    state: str
    found: str
    hint: str = ""
