"""Where a cell is built, and why there: on its own platform, by cross compiling, or emulated.

A pure function of what is declared and locked and of this machine's platform. ``auto`` takes the
first of the three that can be had; a strategy that is named and cannot be had is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.stages import WheelStage
from pipeline.cross.found import debian_compiler, prebuilt
from pipeline.errors import ConfigError
from pipeline.plan.types import Strategy

if TYPE_CHECKING:
    from pipeline.config.model import Pipeline
    from pipeline.config.stages import ContainerStage
    from pipeline.cross.found import Images
    from pipeline.plan.matrix import Cell
    from pipeline.platforms import Target

COMPILERS = {"zig": "zig", "gcc": "Debian's gcc"}


def choose(
    pipeline: Pipeline,
    images: Images,
    stage: ContainerStage,
    cell: Cell,
    *,
    image: str,
    target: Target,
    here: Target | None,
) -> Strategy:
    """Return how a cell for ``target`` is built on a machine whose platform is ``here``.

    ``here`` is None for a machine of a platform that no image can have. Raises ConfigError when the
    stage names a strategy that cannot be had.
    """
    wanted = stage.strategy if isinstance(stage, WheelStage) else "auto"
    native, cross = _native(pipeline, target, here), None
    if isinstance(stage, WheelStage) and here is not None and not native:
        cross = _cross(images, stage, image, target, here)
    if native and (target is here or wanted in {"auto", "native"}):
        return native
    if wanted == "native":
        raise ConfigError(
            f"`{cell.name}` is to be built on a machine for {target.value}, and none is at hand",
            where=pipeline.where("stages", stage.name, "strategy"),
            hint=f"run it on such a machine, name a Docker context for `{target.platform}` in "
            "`engines`, or take `strategy: auto`",
        )
    if cross and wanted in {"auto", "cross"}:
        return cross
    if wanted == "cross":
        raise _no_compiler(pipeline, stage, cell, image, target, here)
    reason = _why_emulated(images, stage, image, target, here)
    return Strategy(name="emulate", machine=target, reason=reason)


def _native(pipeline: Pipeline, target: Target, here: Target | None) -> Strategy | None:
    if target is here:
        return Strategy(name="native", machine=target, reason="this machine's platform")
    if pipeline.engine == "docker":
        context = pipeline.engines.docker.contexts.get(target.platform)
        if context:
            reason = f"the Docker context `{context}` is for it"
            return Strategy(name="native", machine=target, reason=reason)
    return None


def _cross(
    images: Images, stage: WheelStage, image: str, target: Target, here: Target
) -> Strategy | None:
    if here not in images.platforms(image):
        return None
    if prebuilt(images, stage, image, target):
        return Strategy(name="cross", machine=here, reason="its files are prebuilt")
    family = images.cross_compiler(image, here, target)
    if family is None:
        return None
    reason = f"{COMPILERS[family]} in `{image}` compiles for it"
    return Strategy(name="cross", machine=here, reason=reason, compiler=family)


def _no_compiler(
    pipeline: Pipeline,
    stage: ContainerStage,
    cell: Cell,
    image: str,
    target: Target,
    here: Target | None,
) -> ConfigError:
    machine = here.value if here else "this machine"
    return ConfigError(
        f"`{cell.name}` is to be cross compiled, and image `{image}` has no compiler on {machine} "
        f"that makes programs for {target.value}",
        where=pipeline.where("stages", stage.name, "strategy"),
        hint=f"give the image both `platforms`, and `ziglang` in `python: requires:` or "
        f"`{debian_compiler(target)}` in `packages`; then run `pipeline lock`",
    )


def _why_emulated(
    images: Images, stage: ContainerStage, image: str, target: Target, here: Target | None
) -> str:
    machine = here.value if here else "this machine"
    if not isinstance(stage, WheelStage):
        return f"it runs on {target.value}, and this is {machine}"
    if stage.strategy == "emulate":
        return "as the stage says"
    if here not in images.platforms(image):
        return f"`{image}` is not locked for {machine}"
    return f"`{image}` has no compiler for {target.value} on {machine}"
