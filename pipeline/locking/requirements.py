"""A locked set as a requirements file that pip and uv accept, every line pinned and hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.lock.types import LockedRequirement, RequirementSet

HEADER = "# Written by `pipeline lock` from `pipeline.lock`; do not edit.\n"


def requirements_text(locked: RequirementSet) -> str:
    """Return the set as text: sorted, with markers and hashes, and without any index."""
    blocks = sorted(" \\\n".join(_lines(requirement)) for requirement in locked.requirements)
    return HEADER + "".join(f"{block}\n" for block in blocks)


def _lines(requirement: LockedRequirement) -> Iterator[str]:
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    yield f"{requirement.name}=={requirement.version}{marker}"
    for sha256 in sorted({file.sha256 for file in requirement.files}):
        yield f"    --hash=sha256:{sha256}"
