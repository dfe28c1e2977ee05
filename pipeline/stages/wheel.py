"""Kind ``wheel``: a wheel, from the sdist it needs so that the sdist is known to be complete.

A wheel is built, then finished (prebuilt files, the name of a variant), then repaired for its
platform tag, then checked against the stable ABI. Each of these is a command of the Dockerfile
that reads a directory and writes the next; the last one writes ``/out``. What a stage does not
declare has no command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipeline.errors import ConfigError
from pipeline.stages import wheel_build, wheel_finish, wheel_repair
from pipeline.stages.container import Situation, recipe
from pipeline.stages.inside import CONTEXT, PLACE, scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config.stages import WheelStage
    from pipeline.plan.recipe import Input, Recipe

BUILT, FINISHED, OUT = "/built", "/finished", "/out"


def plan(situation: Situation) -> Recipe:
    """Return the recipe: the backend's ``build_wheel`` over the unpacked sdist, and what follows.

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
    contexts: dict[str, tuple[str, Input]] = {
        "env": ("/env", situation.environment()),
        "src": ("/src", sdists[0] if sdists else situation.sources()),
    }
    commands = tuple(_commands(situation))
    if used := sorted({_script(command) for command in commands} - {""}):
        contexts[CONTEXT] = (PLACE, scripts(*used))
    workdir = "/src" if sdists else None
    return recipe(situation, "wheel", contexts, workdir=workdir, commands=commands)


def _commands(situation: Situation) -> Iterator[tuple[str, ...]]:
    stage = cast("WheelStage", situation.stage)
    finishes, repairs = wheel_finish.needed(situation, stage), stage.repair is not None
    built = BUILT if finishes or repairs else OUT
    yield wheel_build.command(situation, stage, built)
    finished = FINISHED if repairs else OUT
    if finishes:
        yield wheel_finish.command(situation, stage, built, finished)
    if repairs:
        yield wheel_repair.command(situation, stage, FINISHED if finishes else BUILT, OUT)
    if stage.abi3:
        yield wheel_repair.abi3_command(OUT)


def _script(command: tuple[str, ...]) -> str:
    """Return the name of the script of ours that a command runs, empty where it runs none."""
    return next(
        (
            word.removeprefix(f"{PLACE}/").removesuffix(".py")
            for word in command[:2]
            if word.startswith(f"{PLACE}/")
        ),
        "",
    )
