"""Kind ``command``: any commands, with declared outputs."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, cast

from pipeline.config.stages import Use
from pipeline.errors import ConfigError
from pipeline.stages.container import Situation, recipe

if TYPE_CHECKING:
    from pipeline.config.stages import CommandStage
    from pipeline.plan.recipe import Input, Recipe


def plan(situation: Situation) -> Recipe:
    """Return the recipe. What the needed cells made lies in ``/needs/STAGE``."""
    stage = cast("CommandStage", situation.stage)
    contexts: dict[str, tuple[str, Input]] = {"src": ("/src", situation.sources())}
    if stage.requires:
        contexts["env"] = ("/env", situation.environment())
    contexts |= situation.shown(Use.SHOWN)
    outputs = tuple(_copy(situation, glob) for glob in stage.outputs)
    return recipe(situation, "command", contexts, run=stage.run, outputs=outputs)


def _copy(situation: Situation, glob: str) -> tuple[str, str]:
    """Return the COPY that keeps a declared output under its own path."""
    directory, name = posixpath.split(glob.rstrip("/"))
    if any(character in directory for character in "*?[") or name == "**":
        raise ConfigError(
            f"the output `{glob}` of `{situation.cell.name}` has a wildcard before its last part",
            where="pipeline.yaml",
            hint="name the directory; all below it is kept",
        )
    source = posixpath.join(situation.workdir, glob.rstrip("/"))
    if any(character in name for character in "*?["):
        return source, f"/{directory}/" if directory else "/"
    return source, f"/{posixpath.join(directory, name)}"
