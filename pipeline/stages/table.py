"""Every kind of stage, and what plans it or runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.stages import (
    ChangelogStage,
    CommandStage,
    ContainerStage,
    ImageStage,
    PublishStage,
    ReleaseStage,
    SdistStage,
    Stage,
    TestStage,
    WheelStage,
)
from pipeline.stages import command, image, sdist, test, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.plan.recipe import Recipe
    from pipeline.stages.container import Situation
    from pipeline.stages.host import HostSituation, Said

CONTAINER_STAGES: Mapping[type[ContainerStage], Callable[[Situation], Recipe]] = {
    SdistStage: sdist.plan,
    WheelStage: wheel.plan,
    TestStage: test.plan,
    CommandStage: command.plan,
    ImageStage: image.plan,
}


def host_stage(stage: Stage) -> Callable[[HostSituation], Said]:
    """Return what runs a stage of the host. Its module is imported only when it is to run."""
    match stage:
        case ChangelogStage():
            from pipeline.stages.changelog import run  # noqa: PLC0415
        case PublishStage():
            from pipeline.stages.publish import run  # noqa: PLC0415
        case ReleaseStage():
            from pipeline.stages.release import run  # noqa: PLC0415
        case _:
            raise TypeError(stage)
    return run
