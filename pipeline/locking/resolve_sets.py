"""Resolving what ``/env`` holds, for each stage and base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.stages import BuildStage, ImageStage, SdistStage, TestStage, WheelStage
from pipeline.errors import ConfigError
from pipeline.lock.types import LockedStage, RequirementSet
from pipeline.locking import declared
from pipeline.locking.bases import bases, container_stages, images_of, is_third_party
from pipeline.locking.constraints import WORD as CONSTRAINTS
from pipeline.locking.constraints import kept, of_projects, recorded
from pipeline.locking.contents import require_apart
from pipeline.locking.select import linux_environment
from pipeline.locking.unnamed import refuse_unbuilt
from pipeline.locking.uv import Request
from pipeline.locking.workspace import members
from pipeline.project.pyproject import normal
from pipeline.project.sources import BUILD_CONSTRAINTS, EXCLUDES, OVERRIDES
from pipeline.project.sources import CONSTRAINTS as LIMITED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config.stages import ContainerStage
    from pipeline.lock.types import Declared, Lock
    from pipeline.locking.asking import Backends
    from pipeline.locking.bases import Base
    from pipeline.locking.context import Context


def resolve_stages(context: Context, lock: Lock, backends: Backends) -> dict[str, LockedStage]:
    """Return the sets of every container stage that needs any; ``lock`` has images and sources.

    A set that cannot be resolved, or whose image or source is not in ``lock``, stays as it was.
    """
    found: dict[str, LockedStage] = {}
    for stage in container_stages(context.pipeline):
        sets: dict[str, RequirementSet] = {}
        section, where = f"stages.{stage.name}", context.where("stages", stage.name)
        with context.failures.noting(section, where):
            for base in bases(context.pipeline, stage, lock.images):
                with context.failures.noting(section, where):
                    _resolve_base(context, stage, base, lock, backends, sets)
        if context.failed(section) or not images_of(context.pipeline, stage) <= lock.images.keys():
            context.failures.sections.add(section)
            previous = context.moves.previous.stages.get(stage.name, LockedStage(sets={}))
            sets = {**previous.sets, **sets}
        if sets:
            found[stage.name] = LockedStage(sets=sets)
    return found


def _resolve_base(
    context: Context,
    stage: ContainerStage,
    base: Base,
    lock: Lock,
    backends: Backends,
    sets: dict[str, RequirementSet],
) -> None:
    """Add the set of a base to ``sets``, where it needs one and all that it stands on is locked."""
    sources = {source for source in (base.source, *base.wheels) if is_third_party(source)}
    if sources - lock.sources.keys():
        context.failures.sections.add(f"stages.{stage.name}")
        return
    words = declared.base(stage, base, context.projects)
    if words is not None:
        sets[base.key] = _resolve(context, stage, base, words, backends)


def _resolve(
    context: Context, stage: ContainerStage, base: Base, words: Declared, backends: Backends
) -> RequirementSet:
    moves = context.moves
    stages = moves.previous.stages
    previous = stages[stage.name].sets.get(base.key) if stage.name in stages else None
    own = declared.wheel_names(base.wheels, context.projects)
    constraints = context.constraints
    lines = constraints.builds if isinstance(stage, BuildStage) else constraints.installs
    if (
        previous is not None
        and _stays(context, stage.name, previous, words, own)
        and kept(lines, previous.declared, (one.name for one in previous.requirements))
    ):
        return previous
    where = context.where("stages", stage.name)
    if base.python and not base.glibc:
        raise ConfigError(
            f"stage `{stage.name}` needs wheels, but image `{base.image}` has no GNU C library, "
            "and none is chosen for another one",
            where=where,
            hint="take an image with glibc, such as one of Debian's, in place of one with musl",
        )
    if not base.python:
        raise ConfigError(
            f"stage `{stage.name}` needs Python, which image `{base.image}` does not have",
            where=where,
            hint=f"add `python3` to `packages` in `images/{base.image}.yaml`",
        )
    asked, found = _asked(stage, base, words, backends, context)
    sources = {base.source, *base.wheels} - {""}
    projects = [context.projects(source) for source in sources if not is_third_party(source)]
    declared.require_indexes(projects, asked, context.settings.pip, where)
    context.tell_unread(projects)
    limits = BUILD_CONSTRAINTS if isinstance(stage, BuildStage) else LIMITED
    # The names of those that no file tells are known now that their backends were asked.
    own = frozenset(name for source in base.wheels for name in backends.names(source, base))
    request = Request(
        requirements=tuple(sorted(set(asked))),
        python=base.python,
        target=base.target,
        glibc=base.glibc,
        pins=moves.pins(stage.name, previous),
        moving=moves.packages,
        excluded=own | {*map(normal, words.get(EXCLUDES, []))},
        constraints=(*lines, *of_projects(projects, limits)),
        overrides=tuple(words.get(OVERRIDES, [])),
        label=f"stage `{stage.name}`",
        where=where,
    )
    with context.activity.doing(f"stage {stage.name}: resolving requirements for {base.key}"):
        chosen = context.resolver.for_image(request) if asked else ()
        files = [file for requirement in chosen for file in requirement.files]
        require_apart(context, files, f"stage `{stage.name}`", where)
    if isinstance(stage, TestStage | ImageStage):
        _refuse_unbuilt(stage, base, [requirement.name for requirement in chosen], context)
    if lines:
        found = {**found, CONSTRAINTS: recorded(lines, (one.name for one in chosen))}
    return RequirementSet(declared=dict(sorted({**words, **found}.items())), requirements=chosen)


def _stays(
    context: Context,
    section: str,
    previous: RequirementSet,
    words: Declared,
    own: frozenset[str],
) -> bool:
    moves = context.moves
    return (
        not moves.names(section)
        and not moves.touches(previous)
        and not declared.moved_words(words, previous, own)
    )


def _asked(
    stage: ContainerStage, base: Base, words: Declared, backends: Backends, context: Context
) -> tuple[list[str], Declared]:
    """Return the requirements of a set, and what was found out for it beyond its declaration."""
    match stage:
        case SdistStage() | WheelStage():
            kind = "sdist" if isinstance(stage, SdistStage) else "wheel"
            project = backends.project(base.source)
            hooks = list(backends.requires(kind, base.source, base))
            found = {"hooks": hooks} if hooks else {}
            if is_third_party(base.source):
                found["sdist requires"] = sorted(project.build_requires)
            return [*declared.build_tools(stage), *project.build_requires, *hooks], found
        case TestStage():
            asked, found = _to_run(stage, base, words, backends, context)
            return [*declared.TEST_TOOLS, *asked], found
        case ImageStage():
            return _to_run(stage, base, words, backends, context)
        case _:
            return words.get("requires", []), {}


def _to_run(
    stage: TestStage | ImageStage,
    base: Base,
    words: Declared,
    backends: Backends,
    context: Context,
) -> tuple[list[str], Declared]:
    computed: list[str] = []
    environment = linux_environment(base.python, base.target.machine)
    for source in base.wheels:
        if is_third_party(source) or context.projects(source).dependencies is None:
            told = backends.dependencies(source, base, stage.extras, environment)
            followed = (
                () if is_third_party(source) else context.projects(source).sources.followed(told)
            )
            computed += followed or told
    fixed = [
        value for word in ("dependencies", "groups", "requires") for value in words.get(word, [])
    ]
    if any(not is_third_party(source) for source in base.wheels):
        fixed += words.get("extras", [])
    asked = [*fixed, *computed]
    _refuse_unbuilt(stage, base, asked, context)
    found = {"metadata": sorted(set(computed))} if computed else {}
    return asked, found


def _refuse_unbuilt(
    stage: TestStage | ImageStage, base: Base, asked: Iterable[str], context: Context
) -> None:
    """Refuse to ask an index for a project of the repository that ``/env`` gets no wheel of."""
    own = declared.wheel_names(base.wheels, context.projects)
    places = members(context.pipeline, context.projects).places
    others = {name: place for name, place in places.items() if name not in own}
    refuse_unbuilt(stage.name, asked, others, context.where("stages", stage.name))
