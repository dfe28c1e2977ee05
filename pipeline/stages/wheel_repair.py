"""The commands of a wheel stage that hold the wheel to its platform tag and its stable ABI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config.stages import WheelStage
    from pipeline.stages.container import Situation


def command(situation: Situation, stage: WheelStage, built: str, out: str) -> tuple[str, ...]:
    """Return the command that repairs the wheel in ``built`` into ``out``."""
    raise NotImplementedError


def abi3_command(out: str) -> tuple[str, ...]:
    """Return the command that checks the wheel in ``out`` against the stable ABI it claims."""
    raise NotImplementedError
