"""Which line of the Dockerfile a vertex of BuildKit stands for.

BuildKit names it ``[STAGE 3/4] RUN ...``, counting those instructions of a stage that change files
(and its FROM where that is an image to be pulled), with variables replaced. So it is found by its
place, not by its text. Source: `prefixCommand` in BuildKit's `frontend/dockerfile/dockerfile2llb`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.instructions import Copy, Run, Workdir

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.dockerfile.instructions import Dockerfile, Instruction

_NAME = re.compile(r"\[((?:\S+ )*)(\d+)/\d+\] (\w+)")
COUNTED = (Copy, Run, Workdir)


@dataclass(frozen=True, kw_only=True)
class StageSteps:
    """A stage by the name BuildKit gives it, and its instructions that are counted."""

    name: str
    counted: tuple[Instruction, ...]


def steps(dockerfile: Dockerfile) -> tuple[StageSteps, ...]:
    """Return the counted instructions of each stage."""
    return tuple(
        StageSteps(
            name=stage.start.name or f"stage-{number}",
            counted=tuple(step for step in stage.steps if isinstance(step, COUNTED)),
        )
        for number, stage in enumerate(dockerfile.stages)
    )


def locate(
    name: str, stages: Sequence[StageSteps], names: Collection[str] = ()
) -> Instruction | None:
    """Return the instruction that the vertex ``name`` stands for; None for one of BuildKit's own.

    ``names`` are those of all vertices: they tell whether FROM is counted.
    """
    match = _NAME.match(name)
    if match is None:
        return None
    stage = _stage(match)
    froms = [found for found in map(_NAME.match, names) if found and found[3] == "FROM"]
    position = int(match[2]) - 1 - any(_stage(found) == stage for found in froms)
    for each in stages:
        # A stage that is alone may be named or not.
        if stage in {each.name, ""} and 0 <= position < len(each.counted):
            found = each.counted[position]
            return found if found.text.upper().startswith(match[3].upper()) else None
    return None


def is_step(name: str) -> bool:
    """Whether the vertex ``name`` is an instruction's."""
    return _NAME.match(name) is not None


def _stage(match: re.Match[str]) -> str:
    """Return the stage's name; before it may stand a platform."""
    words = match[1].split()
    return words[-1] if words and "/" not in words[-1] else ""
