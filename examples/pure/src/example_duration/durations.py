"""The two functions: text to seconds, seconds to text."""

from __future__ import annotations

import re

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
"""Seconds in a unit, the largest first."""

FORM = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


def parse(text: str) -> int:
    """Return the seconds in ``text``, such as ``1h30m`` or plain ``5400``; ValueError if none."""
    match = FORM.fullmatch(text)
    if not text or match is None:
        message = f"{text!r} is not a duration such as 1h30m"
        raise ValueError(message)
    return sum(
        int(count) * seconds
        for count, seconds in zip(match.groups(), UNITS.values(), strict=True)
        if count
    )


def render(seconds: int) -> str:
    """Return ``seconds`` in the largest units that fit; ValueError when negative."""
    if seconds < 0:
        message = "a duration is not negative"
        raise ValueError(message)
    parts = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
