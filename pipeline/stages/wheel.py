"""Kind ``wheel``: a wheel, from the sdist it needs so that the sdist is known to be complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.stages.container import Situation, recipe

if TYPE_CHECKING:
    from pipeline.plan.recipe import Recipe


def plan(situation: Situation) -> Recipe:
    """Return the recipe: the backend's ``build_wheel`` over the unpacked sdist.

    Without a needed sdist the sources themselves are built; with more than one for a cell the
    declaration is ambiguous and refused.
    """
    sdists = situation.outputs("sdist", unpacked=True)
    if len(sdists) > 1:
        names = ", ".join(f"`{sdist.cell}`" for sdist in sdists)
        raise ConfigError(
            f"`{situation.cell.name}` needs one sdist, but {names} all match it",
            where="pipeline.yaml",
            hint="give both stages the same axis `source`",
        )
    source = sdists[0] if sdists else situation.sources()
    contexts = {"env": ("/env", situation.environment()), "src": ("/src", source)}
    return recipe(situation, "wheel", contexts, workdir="/src" if sdists else None)
