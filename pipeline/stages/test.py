"""Kind ``test``: the built wheel, installed with locked test requirements in a clean image."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipeline.config.stages import Use
from pipeline.errors import ConfigError
from pipeline.stages.container import Situation, recipe
from pipeline.stages.inside import CONTEXT, PLACE, command, scripts, used

if TYPE_CHECKING:
    from pipeline.config.stages import TestStage
    from pipeline.plan.recipe import Input, Recipe

SCRIPT = "install"


def plan(situation: Situation) -> Recipe:
    """Return the recipe: install the wheels into ``/env``, then run the commands.

    They run where the sources of `source` lie, which are there for the tests' sake. What imports
    the package out of them rather than the installed wheel is named by `pipeline.inside.install`.
    """
    wheels = situation.outputs("wheel")
    if not wheels:
        raise ConfigError(
            f"`{situation.cell.name}` has no wheel to test",
            where="pipeline.yaml",
            hint=f"add a stage of kind `wheel` to the `needs` of `{situation.stage.name}`",
        )
    contexts: dict[str, tuple[str, Input]] = {
        "env": ("/env", situation.environment()),
        "src": ("/src", situation.sources()),
    }
    for number, wheel in enumerate(wheels, start=1):
        contexts["wheel" if number == 1 else f"wheel-{number}"] = ("/wheel", wheel)
    contexts |= situation.shown(Use.SHOWN)
    stage = cast("TestStage", situation.stage)
    commands = (command(SCRIPT, "/wheel"),)
    contexts[CONTEXT] = (PLACE, scripts(*used(commands)))
    return recipe(situation, "test", contexts, commands=commands, run=stage.run)
