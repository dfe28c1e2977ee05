"""Kind ``test``: the built wheel, installed with locked test requirements in a clean image."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipeline.errors import ConfigError
from pipeline.plan.render import SHELL
from pipeline.stages.container import Situation, recipe

if TYPE_CHECKING:
    from pipeline.config.stages import TestStage
    from pipeline.plan.recipe import Input, Recipe


INSTALLER = "installer"
INSTALL = (
    "for wheel in /wheel/*.whl; do "
    '/env/bin/python -m installer --no-compile-bytecode "$wheel" || exit; done'
)
FROM_ITSELF = 'for own in /wheel/installer-*.whl; do export PYTHONPATH="$own"; done; '
"""Where `installer` itself is under test, it is not in ``/env`` but installs from its own wheel."""


def plan(situation: Situation) -> Recipe:
    """Return the recipe: install the wheels into ``/env``, then run the commands in ``/src``.

    The sources are there for the tests' sake; ``PYTHONSAFEPATH`` keeps ``python -m`` from
    importing the package out of them instead of the installed wheel.
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
    stage = cast("TestStage", situation.stage)
    names = {locked.name for locked in situation.requirements().requirements}
    install = INSTALL if INSTALLER in names else FROM_ITSELF + INSTALL
    return recipe(situation, "test", contexts, commands=((*SHELL, install),), run=stage.run)
