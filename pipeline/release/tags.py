"""The tags that releases left, as versions: which line of releases a commit stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.checkout import git, history
from pipeline.release.version import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packaging.version import Version


@dataclass(frozen=True, kw_only=True)
class Released:
    """A release that was tagged."""

    version: str
    tag: str
    commit: str


@cache
def parsed(version: str) -> Version:
    """Return a canonical version as a value that can be compared."""
    from packaging.version import Version  # noqa: PLC0415 - slow, and only some verbs compare

    return Version(version)


def version_of(tag: str, pattern: str) -> str:
    """Return the version that a tag names by a pattern such as ``v{version}``; empty for none."""
    before, _, after = pattern.partition("{version}")
    match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", tag)
    return match[1] if match and CANONICAL.fullmatch(match[1]) else ""


def reachable(root: Path, pattern: str, commit: str = "HEAD") -> tuple[Released, ...]:
    """Return the releases in the history of a commit, the highest version last."""
    return _sorted(root, pattern, history.tags_merged(root, commit))


def elsewhere(root: Path, pattern: str, commit: str = "HEAD") -> tuple[Released, ...]:
    """Return the releases of other lines, the highest version last."""
    return _sorted(root, pattern, history.tags_elsewhere(root, commit))


def _sorted(root: Path, pattern: str, names: Iterable[str]) -> tuple[Released, ...]:
    versions = {name: version_of(name, pattern) for name in names}
    wanted = {name: version for name, version in versions.items() if version}
    commits = git.tags(root) if wanted else {}
    found = [
        Released(version=version, tag=name, commit=commits[name])
        for name, version in wanted.items()
    ]
    return tuple(sorted(found, key=lambda release: parsed(release.version)))


def other_tag(root: Path, pattern: str, version: str) -> str:
    """Return the tag that names the commit checked out another version; else empty.

    Empty also where it bears the tag of ``version`` besides.
    """
    head = git.head(root)
    here = {name for name, commit in git.tags(root).items() if commit == head}
    named = {name: of for name in sorted(here) if (of := version_of(name, pattern))}
    return next(iter(named)) if head and named and version not in named.values() else ""
