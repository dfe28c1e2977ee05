"""Which version each file of a release must have, and the refusal of any other.

One rule for all that is built of the project: the version of its tag, which is that in the version
file. What a project's files say is looked at before anything is built; what a backend computes is
seen in the files, before the tag is made and before anything is uploaded.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from pipeline.config.stages import (
    ContainerStage,
    ImageStage,
    PublishStage,
    SdistStage,
    WheelStage,
)
from pipeline.errors import ConfigError, ReleaseRefusedError, VerificationError
from pipeline.locking.bases import cell_source, is_third_party
from pipeline.project.pyproject import read_project
from pipeline.project.version import declared
from pipeline.registry.parcel import open_parcel
from pipeline.stages.image import tag_word
from pipeline.stages.wheel_finish import local_version
from pipeline.wheels.names import parse_sdist_name, parse_wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.execute.report import Artifact, CellReport
    from pipeline.plan.types import Plan, PlannedCell

IMAGE_VERSION = "org.opencontainers.image.version"


@dataclass(frozen=True, kw_only=True)
class Required:
    """A version that files must have, and where that is written, for messages."""

    version: str
    origin: str

    def is_met_by(self, text: str) -> bool:
        """Whether a text is this version (PEP 440), however it is spelled."""
        try:
            return Version(text) == Version(self.version)
        except InvalidVersion:
            return text == self.version


def required(pipeline: Pipeline, planned: PlannedCell, version: str) -> Required:
    """Return the version that the wheels and sdists of a cell must have.

    ``version`` is that of the tag. A third-party sdist has the version that the stage pins; a
    variant may add a local part. The one place to change when packages of a repository get
    versions of their own.
    """
    stage = planned.stage
    if isinstance(stage, ContainerStage) and is_third_party(cell_source(stage, planned.cell)):
        source = cell_source(stage, planned.cell)
        pinned = source.partition("==")[2].strip()
        return Required(version=pinned, origin=f"`source: {source}` of the stage `{stage.name}`")
    file = pipeline.project.version
    if isinstance(stage, WheelStage) and stage.variant and (added := local_version(stage.variant)):
        whole = f"{version}{'.' if '+' in version else '+'}{added}"
        return Required(version=whole, origin=f"`{file}` and the variant of `{stage.name}`")
    return Required(version=version, origin=f"`{file}` (which names the tag)")


def of_release(plan: Plan) -> tuple[PlannedCell, ...]:
    """Return the cells whose files are those of a release: what is published, else all it built."""
    publishing = [cell for cell in plan.cells if isinstance(cell.stage, PublishStage)]
    if publishing:
        names = {need for cell in publishing for need in cell.needs}
        return tuple(cell for cell in plan.cells if cell.name in names)
    kinds = (SdistStage, WheelStage, ImageStage)
    return tuple(c for c in plan.cells if isinstance(c.stage, kinds) and not c.internal)


def refuse_declared(pipeline: Pipeline, plan: Plan, version: str) -> None:
    """Raise ReleaseRefusedError where a project's own files say another version than the tag's."""
    wrong: dict[str, ReleaseRefusedError] = {}
    for planned in of_release(plan):
        stage = planned.stage
        if not isinstance(stage, SdistStage | WheelStage):
            continue
        source = cell_source(stage, planned.cell)
        if not is_third_party(source) and source not in wrong:
            wanted = Required(version=version, origin=f"`{pipeline.project.version}`")
            if found := _declared(pipeline.root, source, wanted):
                wrong[source] = found
    if wrong:
        first, *others = wrong.values()
        also = tuple(f"also: {error.message}" for error in others)
        raise ReleaseRefusedError(first.message, hint=first.hint, detail=also)


def _declared(root: Path, source: str, wanted: Required) -> ReleaseRefusedError | None:
    try:
        project = read_project(root, source)
        found = declared(project, root / source)
    except ConfigError:
        return None  # whoever builds it says what is wrong
    if not found or wanted.is_met_by(found):
        return None
    if project.version:
        place = f"`{project.where}` (`version` in `[project]`)"
    else:
        place = f"`{project.where}`, or what it tells `{project.reader}` to read,"
    return ReleaseRefusedError(
        f"{wanted.origin} says {wanted.version}, but {place} says {found}, and every file of a "
        "release must have the version of its tag",
        hint="write one version into both, or let the build backend read "
        f'{wanted.origin}: `dynamic = ["version"]`',
    )


def refuse_others(
    pipeline: Pipeline, made: Iterable[tuple[PlannedCell, CellReport]], version: str
) -> None:
    """Raise ReleaseRefusedError where a file that was made has another version than it must."""
    wrong = [
        line
        for planned, report in made
        for artifact in report.outputs
        for line in _wrong(artifact, required(pipeline, planned, version))
    ]
    if wrong:
        raise ReleaseRefusedError(
            f"{wrong[0]}, and every file of a release must have the version of its tag",
            hint=f"write the version into `{pipeline.project.version}` and where the build backend "
            "reads it, then build again",
            detail=tuple(f"also: {line}" for line in wrong[1:]),
        )


def _wrong(artifact: Artifact, wanted: Required) -> Iterator[str]:
    """Yield what in a file says another version."""
    for place, found in _versions(artifact, wanted):
        if not wanted.is_met_by(found):
            yield f"{place} says version {found}, but {wanted.origin} says {wanted.version}"
            return


def _versions(artifact: Artifact, wanted: Required) -> Iterator[tuple[str, str]]:
    name, path = artifact.name, artifact.path
    if name.endswith(".oci.tar"):
        yield from _of_image(name, path, wanted)
    elif name.endswith((".whl", ".tar.gz")):
        try:
            parsed = parse_wheel_name(name) if name.endswith(".whl") else parse_sdist_name(name)
        except VerificationError:
            return  # no distribution; whoever publishes it says what is wrong
        yield f"the name of `{name}`", parsed.version
        if text := _metadata(name, path):
            yield f"the metadata in `{name}`", HeaderParser().parsestr(text)["Version"] or "nothing"


def _metadata(name: str, path: Path) -> str:
    try:
        if name.endswith(".whl"):
            with zipfile.ZipFile(path) as wheel:
                found = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
                return wheel.read(next(found)).decode(errors="replace")
        with tarfile.open(path) as sdist:
            top = name.removesuffix(".tar.gz")
            member = sdist.extractfile(f"{top}/PKG-INFO")
            return member.read().decode(errors="replace") if member else ""
    except (OSError, KeyError, StopIteration, zipfile.BadZipFile, tarfile.TarError):
        return ""  # the audit says what is wrong with it


def _of_image(name: str, path: Path, wanted: Required) -> Iterator[tuple[str, str]]:
    """Yield the version in an image's tag, and that in its annotations."""
    parcel = open_parcel(path)
    word = tag_word(wanted.version)
    is_own = parcel.tag == word or parcel.tag.startswith(f"{word}-")  # axes stand behind it
    yield f"the tag of the image in `{name}`", wanted.version if is_own else parcel.tag
    annotations = json.loads(parcel.manifest).get("annotations") or {}
    if found := annotations.get(IMAGE_VERSION):
        yield f"the annotation `{IMAGE_VERSION}` of `{name}`", str(found)
