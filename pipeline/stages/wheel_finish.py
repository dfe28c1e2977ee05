"""The command of a wheel stage that adds prebuilt files and names the variant.

The work is done by `pipeline.inside.finish`; here it is told what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.paths import escape_in_words
from pipeline.errors import ConfigError
from pipeline.stages import inside

if TYPE_CHECKING:
    from pipeline.config.stages import Variant, WheelStage
    from pipeline.stages.container import Situation

SCRIPT = "finish"


def needed(situation: Situation, stage: WheelStage) -> bool:
    """Whether a cell's wheel is changed after the backend made it.

    Also where `resources` are for other targets only: the backend may have packed those.
    """
    del situation
    return stage.variant is not None or bool(stage.resources)


def command(situation: Situation, stage: WheelStage, built: str, out: str) -> tuple[str, ...]:
    """Return the command that reads the wheel in ``built`` and writes the finished one."""
    target = situation.target
    own = _checked(situation, stage)
    others = {
        resource
        for name, resources in stage.resources.items()
        if name != target.value
        for resource in resources
    }
    return inside.command(
        SCRIPT,
        f"--platform=linux_{target.machine}",
        *(f"--resource={resource}" for resource in own),
        *(f"--other={resource}" for resource in sorted(others - {*own})),
        *(_variant_flags(stage.variant) if stage.variant else ()),
        built,
        out,
    )


def _checked(situation: Situation, stage: WheelStage) -> tuple[str, ...]:
    """Return the target's resources; ConfigError for a path that leaves the source."""
    own = stage.resources.get(situation.target.value, ())
    for index, resource in enumerate(own):
        path = resource.partition(" as ")[0]
        if reason := escape_in_words(path):
            at = ("stages", stage.name, "resources", situation.target.value, str(index))
            raise ConfigError(
                f"the prebuilt file `{path}` of stage `{stage.name}` {reason}",
                where=situation.pipeline.where(*at),
                hint="write it relative to `source`",
            )
    return own


def local_version(variant: Variant) -> str:
    """Return what a variant adds to the version, such as ``cu130``; empty where it names itself."""
    major, minor = variant.cuda.split(".")
    return f"cu{major}{minor}" if variant.naming == "local" else ""


def _variant_flags(variant: Variant) -> tuple[str, ...]:
    """Return the flags that name a variant, such as ``cuda13`` or ``cu130``."""
    major = variant.cuda.split(".")[0]
    local = local_version(variant)
    name = f"--local={local}" if local else f"--suffix=cuda{major}"
    return (name, *(f"--require={requirement}" for requirement in variant.requires))
