"""Whether an index has files of the version already that is about to be released."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pipeline.config.stages import PublishStage
from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.release.conditions import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.locking.settings import Settings
    from pipeline.stages.host import HostSituation


TAKEN = (
    "write a version that the index does not have into the version file; "
    "if the project there is not yours, yours needs another name"
)
"""What to do then: what `release propose` says goes by tags, and may be the same version."""


def on_indexes(situation: HostSituation) -> tuple[tuple[Obstacle, ...], tuple[str, ...]]:
    """Ask the indexes of all stages that the release needs; return obstacles and remarks.

    Nobody is asked where the network is off. An index that is not configured on this machine is a
    remark: a workflow may be the only one that publishes. NetworkError when one does not answer.
    """
    found: list[Obstacle] = []
    remarks: list[str] = []
    for cell in situation.needed if not situation.settings.offline else ():
        stage = situation.pipeline.stages[cell.stage]
        rows = cast("list[dict[str, str]]", cell.data.get("files", []))
        projects = sorted({canonicalize_name(row["name"]) for row in rows})
        if not isinstance(stage, PublishStage) or not projects:
            continue
        try:
            found += released(projects, situation.version, stage, situation.settings)
        except NetworkError as error:
            hint = "try again, or add `--offline`: then nobody is asked"
            raise NetworkError(error.message, hint=hint, detail=error.detail) from error
        except ReleaseRefusedError as error:
            remarks.append(f"`{stage.index}` was not asked for {situation.version}: {error}")
    return tuple(found), tuple(remarks)


def released(
    projects: Iterable[str], version: str, stage: PublishStage, settings: Settings
) -> Iterator[Obstacle]:
    """Yield the projects of which the stage's index has files of a version.

    Raises ReleaseRefusedError when it is not known where it is, NetworkError as it answers.
    """
    from pipeline.publishing.places import find, reader  # noqa: PLC0415 - it loads twine

    place = find(stage.index, stage.index_url or "", settings)
    index = reader(place, settings)
    for project in projects:
        if any(_is_of(link.name, version) for link in index.files(project)):
            what = f"`{place.name}` has files of `{project}` {version} already"
            yield Obstacle(what=what, hint=TAKEN)


def _is_of(file: str, version: str) -> bool:
    """Tell whether a wheel's or an sdist's name says that it is of a version."""
    stem = file.removesuffix(".tar.gz").removesuffix(".zip")
    text = "".join(file.split("-")[1:2]) if file.endswith(".whl") else stem.rpartition("-")[2]
    try:
        return Version(text) == Version(version)
    except InvalidVersion:
        return False
