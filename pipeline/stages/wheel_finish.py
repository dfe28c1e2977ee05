"""The command of a wheel stage that adds prebuilt files and names the variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config.stages import WheelStage
    from pipeline.stages.container import Situation


def needed(situation: Situation, stage: WheelStage) -> bool:
    """Whether a cell's wheel is changed after the backend made it."""
    return stage.variant is not None or situation.target.value in stage.resources


def command(situation: Situation, stage: WheelStage, built: str, out: str) -> tuple[str, ...]:
    """Return the command that reads the wheel in ``built`` and writes the finished one."""
    raise NotImplementedError
