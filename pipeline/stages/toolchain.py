"""Cells that no stage declares: what zig makes before its first use, once for all wheels.

zig holds the sources of the C libraries and makes the one for a target when it first links, which
takes seconds, and most of a minute with C++. As a cell of its own this is done once for a target
and kept. Its key has zig's wheel for the image: of all the image holds nothing else counts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage, WheelStage
from pipeline.errors import ConfigError
from pipeline.locking.bases import is_third_party
from pipeline.plan.matrix import Cell
from pipeline.plan.recipe import Recipe
from pipeline.plan.render import Steps, render
from pipeline.plan.types import PlannedCell
from pipeline.stages.inside import CONTEXT, PLACE, scripts
from pipeline.stages.wheel_build import compiler_for

if TYPE_CHECKING:
    from pipeline.lock.types import PythonFile
    from pipeline.stages.container import Situation

KIND = "toolchain"
SCRIPT = "warm"
BASE = "zig"
"""What the Dockerfile calls the image, whatever its name: the name shall not count either."""

CXX = frozenset({".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx"})


def toolchain(situation: Situation) -> PlannedCell | None:
    """Return the cell that a wheel's cell needs besides those of its stage, None for most."""
    stage = situation.stage
    if not isinstance(stage, WheelStage):
        return None
    compiler = compiler_for(situation, stage)
    zig = situation.images.zig(situation.image, situation.machine)
    if compiler is None or compiler.family != "zig" or zig is None:
        return None
    if KIND in situation.pipeline.stages:
        raise ConfigError(
            f"a stage cannot be named `{KIND}` here: what compilers need is built under that name",
            where=situation.pipeline.where("stages", KIND),
        )
    languages = ("cc", "c++") if _may_be_cxx(situation) else ("cc",)
    axes = [("zig", "-".join(zig.name.split("-")[:2])), ("target", compiler.triplet)]
    axes += [("languages", "c++")] if "c++" in languages else []
    axes += [("strategy", "emulate")] if situation.strategy.name == "emulate" else []
    cell = Cell(stage=KIND, axes=tuple(axes))
    return PlannedCell(
        cell=cell,
        stage=ContainerStage(name=KIND, image=situation.image),
        kind=KIND,
        needs=(),
        recipe=_recipe(situation, cell, zig, (compiler.triplet, *languages)),
        target=situation.target,
        strategy=situation.strategy,
        internal=True,
    )


def _recipe(situation: Situation, cell: Cell, zig: PythonFile, words: tuple[str, ...]) -> Recipe:
    machine = situation.machine
    image = replace(situation.image_on(machine), part=zig.sha256)
    steps = Steps(
        cell=cell.name,
        template=KIND,
        image=BASE,
        env=situation.fixed(),
        contexts=((CONTEXT, PLACE),),
        workdir="/out",
        commands=(("python3", f"{PLACE}/{SCRIPT}.py", *words),),
    )
    return Recipe(
        dockerfile=render(steps, situation.pipeline.root),
        inputs={BASE: image, CONTEXT: scripts(SCRIPT)},
        platform=machine.platform,
        network="none",
        epoch=situation.lock.epoch,
        seconds=situation.stage.timeout,
    )


def _may_be_cxx(situation: Situation) -> bool:
    """Whether there is C++ to compile, as the names of the files say; a released sdist may."""
    if is_third_party(situation.source):
        return True
    below = "" if situation.source in {".", ""} else f"{situation.source}/"
    return any(
        name.startswith(below) and PurePosixPath(name).suffix in CXX
        for name in situation.checkout.files
    )
