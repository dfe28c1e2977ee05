"""Kind ``sdist``: the source distribution of a directory of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.stages.container import Situation, recipe

if TYPE_CHECKING:
    from pipeline.plan.recipe import Recipe


def plan(situation: Situation) -> Recipe:
    """Return the recipe: the backend's ``build_sdist`` over the stage's inputs."""
    contexts = {"env": ("/env", situation.environment()), "src": ("/src", situation.sources())}
    return recipe(situation, "sdist", contexts)
