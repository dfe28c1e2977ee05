"""Kind ``sdist``: the source distribution of a directory of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipeline.stages.container import Situation, recipe
from pipeline.stages.wheel_build import build, config_settings

if TYPE_CHECKING:
    from pipeline.config.stages import SdistStage
    from pipeline.plan.recipe import Recipe


def plan(situation: Situation) -> Recipe:
    """Return the recipe: the backend's ``build_sdist`` over the stage's inputs."""
    contexts = {"env": ("/env", situation.environment()), "src": ("/src", situation.sources())}
    settings = config_settings(situation, cast("SdistStage", situation.stage))
    command = (*build(situation, "--sdist"), *settings, "--outdir", "/out", ".")
    return recipe(situation, "sdist", contexts, commands=(command,))
