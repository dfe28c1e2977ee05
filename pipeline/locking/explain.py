"""uv's explanations for people: trimmed to what they say, and where it stands with us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.project.pyproject import normal, requirement_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

SHOWN = 30
FRAME = re.compile(r"^[\s\u00d7\u2500-\u25ff]*(?:[xX] |error: |cause: )?")
"""What uv draws before its sentences."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HEADING = "No solution found when resolving dependencies"


def trimmed(stderr: str) -> tuple[str, ...]:
    """Return the lines of uv's explanation without warnings, frames and user names in addresses.

    Its own hints are left out: they name flags and settings of uv, which nobody called.
    """
    found: list[str] = []
    for line in stderr.splitlines():
        text = FRAME.sub("", line).rstrip()
        if text.startswith("hint:"):
            break
        heading = text.startswith(HEADING) and "split" not in text
        if text and not heading and not text.startswith("warning:"):
            found.append(_hidden(text))
    return tuple(found[-SHOWN:])


def standing(
    requirements: Iterable[str], said: Sequence[str], root: Path, files: Iterable[str]
) -> list[str]:
    """Return where those requirements stand whose packages an explanation names.

    ``files`` (``pyproject.toml``) are searched in order, relative to ``root``; a line is like
    ``pyproject.toml:12: numpy<2``.
    """
    texts = [(file, _lines(root / file)) for file in files]
    found = []
    for requirement in filter(naming(said), sorted(requirements)):
        quoted = (f'"{requirement}"', f"'{requirement}'")
        found += [
            f"{file}:{number}: {requirement}"
            for file, lines in texts
            for number, line in enumerate(lines, 1)
            if any(text in line for text in quoted)
        ]
    return found


def naming(said: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether an explanation names the package of a requirement."""
    named = {normal(word) for line in said for word in NAME.findall(line)}
    return lambda requirement: requirement_name(requirement)[0] in named


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _hidden(line: str) -> str:
    """Return a line without user and password of the addresses in it."""
    words = line.split(" ")
    return " ".join(
        f"{word.partition('://')[0]}://{word.rpartition('@')[2]}"
        if "://" in word and "@" in word
        else word
        for word in words
    )
