"""Kind ``image``: an image as an output, one layer on top of the image that the stage names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from pipeline.config.stages import Use
from pipeline.errors import ConfigError
from pipeline.plan.recipe import ImageOutput, InstalledInput
from pipeline.release.version import read_version
from pipeline.stages.container import Situation, recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config.stages import ImageStage
    from pipeline.plan.recipe import Input, Recipe

SUFFIX = ".oci.tar"
PREFIX = "org.opencontainers.image"


def plan(situation: Situation) -> Recipe:
    """Return the recipe of the topmost layer: an environment, and what commands add.

    The environment is made like every other one, without running anything in the image: so an
    image for another architecture needs no emulation unless it has commands. With commands the
    sources lie in ``/src`` and what the needed cells made in ``/needs/STAGE``.
    """
    stage = cast("ImageStage", situation.stage)
    wheels = situation.outputs("wheel")
    contexts: dict[str, tuple[str, Input]] = {}
    if wheels or stage.requires:
        installed = InstalledInput(environment=situation.environment(), built=wheels)
        contexts["env"] = ("/out/env", installed)
    if stage.run or stage.dockerfile:
        contexts["src"] = ("/src", situation.sources())
        contexts |= situation.shown(Use.SHOWN, Use.INSTALLED)
    if not contexts:
        raise ConfigError(
            f"`{situation.cell.name}` needs no wheel for its platform, so its layer is empty",
            where=situation.pipeline.where("stages", stage.name, "needs"),
            hint="give it and the stage of the wheel the same axis `target`",
        )
    output = _output(situation, stage, environment="env" in contexts)
    return recipe(situation, "image", contexts, run=stage.run, made=output)


def _output(situation: Situation, stage: ImageStage, *, environment: bool) -> ImageOutput:
    file = situation.pipeline.root / situation.pipeline.project.version
    version = read_version(file) if file.exists() else ""
    axes = [value for axis, value in situation.cell.axes if axis != "target"]
    words = [stage.name, version, *axes, situation.target.value]
    annotations = {f"{PREFIX}.title": stage.name, f"{PREFIX}.version": version}
    return ImageOutput(
        file="-".join(tag_word(word) for word in words if word) + SUFFIX,
        name=stage.name,
        tag="-".join(tag_word(word) for word in (version or "latest", *axes)),
        environment=environment,
        env=_pairs({name: situation.cell.fill(value) for name, value in stage.env.items()}),
        entrypoint=stage.entrypoint,
        cmd=stage.cmd,
        workdir=stage.workdir or "",
        labels=_pairs(stage.labels),
        annotations=_pairs({n: v for n, v in annotations.items() if v} | dict(stage.annotations)),
    )


def tag_word(text: str) -> str:
    """Return ``text`` as a tag and a file name may have it; a local version has a ``+``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def _pairs(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))
