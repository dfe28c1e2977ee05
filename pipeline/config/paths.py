"""Paths of the repository: none may lead out of it, by its words or by a link."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

WILDCARDS = frozenset("*?[")


def is_glob(text: str) -> bool:
    """Whether a path holds a wildcard."""
    return not WILDCARDS.isdisjoint(text)


def escape(root: Path, text: str) -> str:
    """Return how a path or glob leaves the repository at ``root``; empty when it does not.

    What stands before the first wildcard is followed through links; it need not exist.
    """
    if reason := escape_in_words(text):
        return reason
    parts: list[str] = []
    for part in PurePosixPath(text).parts:
        if is_glob(part):
            break
        parts.append(part)
    if leads_out(root, os.path.join(*parts) if parts else ""):
        return "is or passes a link that leads out of the repository"
    return ""


def escape_in_words(text: str) -> str:
    """Return how a path leaves its root going by its words alone; empty when it does not."""
    if text.startswith("/"):
        return "is absolute"
    if ".." in text.split("/"):
        return "leads upwards with `..`"
    if "\\" in text:
        return "holds a backslash"
    return ""


def leads_out(root: Path, relative: str) -> bool:
    """Whether links take a path below ``root`` out of it (a loop of links does too)."""
    top = os.path.realpath(root)
    try:
        target = os.path.realpath(os.path.join(top, relative))
    except (OSError, ValueError):
        return True
    return os.path.commonpath([top, target]) != top
