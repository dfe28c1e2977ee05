"""The commit that a release would be, before it is made.

What is drafted, what is built and what is committed all go by this one value, so that the tag
builds the bytes that the draft showed: the changelog and the version are files of an sdist, and
the epoch is in every archive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class PlannedRelease:
    """What a release changes: whole files, and paths that go, relative to the root.

    ``parent`` is the commit it is planned on, empty where there is none. ``notes`` is the new
    section of the changelog, ``epoch`` the SOURCE_DATE_EPOCH of the release. ``files`` has
    the sha256 of what its stages publish, by stage and name, once that is built.
    """

    version: str
    tag: str
    parent: str
    notes: str
    epoch: int
    written: Mapping[str, bytes]
    removed: tuple[str, ...]
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
