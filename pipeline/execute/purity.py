"""Why a wheel that came out for any platform should have held compiled code.

Many projects build without their extension modules where a compiler is absent or fails, and say so
at most in a log (MarkupSafe, PyYAML, SQLAlchemy; ``optional=True`` of setuptools). The wheel works,
is slow, and its name says that it is for all platforms, so installers prefer it nowhere and take it
everywhere. Nobody sees that unless what was expected is held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.checkout import history, worktree
from pipeline.config.stages import WheelStage
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.lock.types import Lock
    from pipeline.plan.types import PlannedCell

PURE_WHEEL = "-any.whl"
"""How the name ends of a wheel for any platform."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of earlier wheels: the lock, and the release's tags in ``root``.

    ``tag`` is the pattern that tags follow, such as ``v{version}``.
    """

    lock: Lock
    root: Path
    tag: str

    @cached_property
    def locked(self) -> tuple[str, ...]:
        """The names of all locked wheels."""
        stages = (one for stage in self.lock.stages.values() for one in stage.sets.values())
        return tuple(
            file.name
            for found in (*stages, *self.lock.environments.values())
            for requirement in found.requirements
            for file in requirement.files
            if file.is_wheel
        )

    @cached_property
    def released(self) -> Mapping[str, tuple[str, ...]]:
        """The tag of the last release that lists files, and the names of those."""
        from pipeline.release.listing import listed  # noqa: PLC0415 - few wheels are pure by mishap
        from pipeline.release.tags import reachable  # noqa: PLC0415 - as above

        try:
            if not worktree.is_repository(self.root):
                return {}
            for release in reversed(reachable(self.root, self.tag)):
                if files := listed(history.body_of(self.root, release.tag)):
                    return {release.tag: tuple(name for names in files.values() for name in names)}
        except PipelineError:  # the release says what is wrong with the repository, where it counts
            pass
        return {}


def reasons(wheel: str, planned: PlannedCell, sources: Path | None, known: Known) -> Iterator[str]:
    """Yield why ``wheel``, the name of a pure one, was expected to be compiled, the surest first.

    ``sources`` is what the cell had in ``/src``, None where it is unknown.
    """
    if sources is not None:
        yield from _sources(sources, planned)
    project = wheel.partition("-")[0]
    for tag, names in known.released.items():
        if before := _compiled(names, project):
            yield f"the release `{tag}` has `{before}`"
    if before := _compiled(known.locked, project):
        yield f"`pipeline.lock` has `{before}`"
    if isinstance(planned.stage, WheelStage):
        yield from _declared(planned.stage, planned)


def _sources(sources: Path, planned: PlannedCell) -> Iterator[str]:
    """Yield what the project's own text says; an sdist stands at the top of its tree."""
    from pipeline.project.layout import compiled_by  # noqa: PLC0415 - as above
    from pipeline.project.pyproject import FILE, parse_project  # noqa: PLC0415 - as above

    places = (sources, sources / planned.cell.get("source", getattr(planned.stage, "source", ".")))
    for directory in dict.fromkeys(place.resolve() for place in places):
        try:
            data = (directory / FILE).read_bytes() if (directory / FILE).is_file() else b""
            project = parse_project(data, FILE, directory)
        except (PipelineError, OSError):
            continue
        if compiler := compiled_by(directory, project):
            yield f"its sources have modules that {compiler} compiles"
            return


def _declared(stage: WheelStage, planned: PlannedCell) -> Iterator[str]:
    if stage.variant:
        yield f"stage `{stage.name}` builds it for CUDA {stage.variant.cuda}"
    axes = planned.cell.axes
    if any(axis == "source" for axis, _ in axes):
        return  # one declaration for many packages, not all of which are compiled
    if stage.repair:
        yield f"stage `{stage.name}` has `repair: {stage.repair}`"
    for axis in ("target", "python"):
        if len(stage.matrix.axes.get(axis, ())) > 1:
            yield f"stage `{stage.name}` builds it for each `{axis}`"


def _compiled(names: Iterable[str], project: str) -> str:
    """Return a wheel of a project that is for one platform, nothing where it has a pure one."""
    from pipeline.wheels.names import escaped  # noqa: PLC0415 - `packaging` is slow to import

    wheels = sorted(
        name
        for name in names
        if name.endswith(".whl") and escaped(name.partition("-")[0]) == project
    )
    if not wheels or any(name.endswith(PURE_WHEEL) for name in wheels):
        return ""
    return wheels[0]
