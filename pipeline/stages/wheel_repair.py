"""The commands of a wheel stage that hold the wheel to its platform tag and its stable ABI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.stages import inside

if TYPE_CHECKING:
    from pipeline.config.stages import WheelStage
    from pipeline.stages.container import Situation


def command(situation: Situation, stage: WheelStage, built: str, out: str) -> tuple[str, ...]:
    """Return the command that repairs the wheel in ``built`` into ``out``."""
    return inside.command(
        "repair",
        f"--tag={stage.repair}",
        f"--machine={situation.target.machine}",
        *(f"--exclude={pattern}" for pattern in stage.repair_exclude),
        built,
        out,
    )


def abi3_command(stage: WheelStage, out: str) -> tuple[str, ...]:
    """Return the command that checks the wheel in ``out`` against the stable ABI it claims."""
    return inside.command("abi3", str(stage.abi3), out)
