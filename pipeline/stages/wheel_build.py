"""The command of a wheel stage that has the backend build the wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config.stages import WheelStage
    from pipeline.stages.container import Situation


def command(situation: Situation, stage: WheelStage, out: str) -> tuple[str, ...]:
    """Return the command that builds the sources in its working directory into ``out``."""
    settings = [
        f"--config-setting={key}={situation.cell.fill(value)}"
        for key, value in stage.config_settings.items()
    ]
    build = ("/env/bin/python", "-m", "build", "--no-isolation", "--skip-dependency-check")
    return (*build, "--wheel", *settings, "--outdir", out, ".")
