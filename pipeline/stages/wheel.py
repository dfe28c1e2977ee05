"""Kind ``wheel``: a wheel, from the sdist it needs so that the sdist is known to be complete.

A wheel is built, then finished (prebuilt files, the name of a variant), then repaired for its
platform tag, then checked against the stable ABI. Each of these is a command of the Dockerfile
that reads a directory and writes the next; the last one writes ``/out``. What a stage does not
declare has no command.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pipeline.cross.compiler import PLACE as PLACE_OF_COMPILER
from pipeline.cross.compiler import SYSROOT, TOOLCHAIN
from pipeline.cross.files import files
from pipeline.errors import ConfigError
from pipeline.plan.recipe import FilesInput
from pipeline.stages import wheel_build, wheel_finish, wheel_repair
from pipeline.stages.container import Situation, recipe, require_shell
from pipeline.stages.inside import CONTEXT, PLACE, scripts, used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config.stages import WheelStage
    from pipeline.cross.compiler import Compiler
    from pipeline.plan.recipe import Input, Recipe

BUILT, FINISHED, OUT = "/built", "/finished", "/out"
CACHES = (("pipeline-ccache", "/ccache"),)


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
    compiler = wheel_build.compiler_for(situation, cast("WheelStage", situation.stage))
    mounts: dict[str, tuple[str, Input]] = {}
    if compiler:
        require_shell(situation)
        contexts["cross"] = (PLACE_OF_COMPILER, _compiler_files(situation, compiler))
        for made in situation.outputs("toolchain"):
            contexts["toolchain"] = (TOOLCHAIN, made)
        if compiler.cross:
            mounts["sysroot"] = (SYSROOT, situation.image_on(situation.target, runs=False))
    commands = tuple(_commands(situation, compiler))
    if started := used(commands):
        contexts[CONTEXT] = (PLACE, scripts(*started))
    workdir = "/src" if sdists else None
    stage = cast("WheelStage", situation.stage)
    found = recipe(
        situation,
        "wheel",
        contexts,
        mounts=mounts,
        env=wheel_build.variables(situation, compiler),
        caches=CACHES if wheel_build.cached(situation, stage) else (),
        workdir=workdir,
        commands=commands,
    )
    return replace(found, startup_files=stage.startup_files, bill=stage.sbom == "auto")


def _compiler_files(situation: Situation, compiler: Compiler) -> FilesInput:
    interpreter = situation.interpreter(situation.target)
    return FilesInput(files=files(compiler, interpreter=interpreter))


def _commands(situation: Situation, compiler: Compiler | None) -> Iterator[tuple[str, ...]]:
    stage = cast("WheelStage", situation.stage)
    finishes, repairs = wheel_finish.needed(situation, stage), stage.repair is not None
    built = BUILT if finishes or repairs else OUT
    yield wheel_build.command(situation, stage, built, compiler)
    finished = FINISHED if repairs else OUT
    if finishes:
        yield wheel_finish.command(situation, stage, built, finished)
    if repairs:
        yield wheel_repair.command(situation, stage, FINISHED if finishes else BUILT, OUT)
    if stage.abi3:
        yield wheel_repair.abi3_command(stage, OUT)
