"""The command of a wheel stage that has the backend build the wheel, and the compiler it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cross.compiler import Compiler
from pipeline.cross.found import prebuilt
from pipeline.cross.wrappers import STEP, prefix_maps
from pipeline.errors import ConfigError
from pipeline.stages import inside

if TYPE_CHECKING:
    from pipeline.config.stages import BuildStage, WheelStage
    from pipeline.cross.compiler import Family
    from pipeline.stages.container import Situation

SCRIPT, CACHED = "build", "cached"
BUILD = "/tmp/build"  # noqa: S108 - inside the step, where /tmp is its own
BUILD_SETTING = f"--config-setting=build-dir={BUILD}"
"""For meson-python and scikit-build-core, whose own choice has random letters that get into what
is compiled there. Other backends take no notice."""

FLAGS = " ".join(prefix_maps({**STEP, BUILD: "build"}))
"""Paths of the step are no part of what gcc and clang write down about the sources."""

FLAGS_OF_BUILD = ("--no-isolation", "--skip-dependency-check")


def command(
    situation: Situation, stage: WheelStage, out: str, compiler: Compiler | None
) -> tuple[str, ...]:
    """Return the command that builds the sources in its working directory into ``out``."""
    settings = config_settings(situation, stage)
    start = inside.command(SCRIPT) if compiler else build(situation, "--wheel")
    if compiler is None and _compiles(situation) and "build-dir" not in stage.config_settings:
        settings.insert(0, BUILD_SETTING)
    if cached(situation, stage):
        start = inside.command(CACHED, *start)
    return (*start, *settings, "--outdir", out, ".")


def build(situation: Situation, kind: str) -> tuple[str, ...]:
    """Return how the command begins that asks the backend for a ``--wheel`` or an ``--sdist``."""
    return (*inside.module(situation, "build"), *FLAGS_OF_BUILD, kind)


def config_settings(situation: Situation, stage: BuildStage) -> list[str]:
    """Return the backend's settings as flags of ``build``, which makes a list of a repeated one."""
    return [
        f"--config-setting={key}={situation.cell.fill(value)}"
        for key, values in stage.config_settings.items()
        for value in values
    ]


def variables(situation: Situation, compiler: Compiler | None) -> dict[str, str]:
    """Return what a compiler of the image itself is told; one of ours has it in its wrapper."""
    if compiler or not _compiles(situation):
        return {}
    return {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS}


def _compiles(situation: Situation) -> bool:
    return situation.images.has_own_compiler(situation.image, situation.machine)


def cached(situation: Situation, stage: WheelStage) -> bool:
    """Whether ccache is used in a cell; ConfigError where its image does not have it."""
    if stage.compiler_cache == "none":
        return False
    image, machine = situation.image, situation.machine
    if not situation.images.may_have(image, machine, stage.compiler_cache):
        raise ConfigError(
            f"`{situation.cell.name}` is to use `{stage.compiler_cache}`, which image `{image}` "
            f"does not have on {machine.value}",
            where=situation.pipeline.where("stages", stage.name, "compiler-cache"),
            hint=f"add `{stage.compiler_cache}` to `packages` in `images/{image}.yaml`, then run "
            "`pipeline lock`",
        )
    return situation.caches


def compiler_for(situation: Situation, stage: WheelStage) -> Compiler | None:
    """Return what compiles in a cell; None where that is up to the image alone.

    zig is used wherever an image has it, since it sets the floor of glibc; under emulation only
    where the image has nothing else. Raises ConfigError for musl without zig.
    """
    target, machine = situation.target, situation.machine
    if prebuilt(situation.images, stage, situation.image, target):
        return None
    family = _family(situation)
    tag, *version = (stage.repair or "").split("_")
    if tag == "musllinux":
        if family != "zig":
            raise _no_musl(situation, stage)
        return Compiler(
            family=family,
            target=target,
            libc="musl",
            cross=machine is not target,
            cached=_identity(situation) if cached(situation, stage) else "",
        )
    if family is None:
        return None
    floor = ".".join(version) or situation.platform_on(target).glibc
    return Compiler(
        family=family,
        target=target,
        floor=floor if family == "zig" else "",
        cross=machine is not target,
        cached=_identity(situation) if family == "zig" and cached(situation, stage) else "",
    )


def _identity(situation: Situation) -> str:
    """Return what no other zig has: the name of its wheel and its digest."""
    zig = situation.images.zig(situation.image, situation.machine)
    return f"{zig.name} {zig.sha256}" if zig else ""


def _family(situation: Situation) -> Family | None:
    images, image, machine = situation.images, situation.image, situation.machine
    match situation.strategy.name:
        case "cross":
            return images.cross_compiler(image, machine, situation.target)
        case "emulate" if images.has_own_compiler(image, machine):
            return None
        case _:
            return "zig" if images.has_zig(image, machine) else None


def _no_musl(situation: Situation, stage: WheelStage) -> ConfigError:
    return ConfigError(
        f"`{situation.cell.name}` is for musl, and image `{situation.image}` has no compiler that "
        "makes programs for it",
        where=situation.pipeline.where("stages", stage.name, "repair"),
        hint="add `ziglang` to `requires` under `python` in "
        f"`images/{situation.image}.yaml`, then run `pipeline lock`",
    )
