"""Resolving people's environments: one resolution for all that share versions, then each alone.

Environments that do not conflict are resolved together first, so that a package has one version in
all of them; then each is resolved with those versions preferred, so that it holds what it asked
for and no more. Those that conflict with one before them, or start from another Python, form a
group of their own, which prefers the versions of the groups before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import LockError, PipelineError
from pipeline.lock.types import RequirementSet
from pipeline.locking import declared
from pipeline.locking.computed import computed
from pipeline.locking.constraints import WORD as CONSTRAINTS
from pipeline.locking.constraints import kept, of_projects, recorded
from pipeline.locking.contents import require_apart
from pipeline.locking.explain import naming, standing
from pipeline.locking.python import oldest_python
from pipeline.locking.select import host_files
from pipeline.locking.unnamed import refuse, unnamed
from pipeline.locking.uv import Request
from pipeline.locking.workspace import asked, members
from pipeline.network.workers import gather
from pipeline.project.pyproject import normal
from pipeline.project.sources import CONSTRAINTS as LIMITED
from pipeline.project.sources import EXCLUDES, OVERRIDES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pipeline.config.model import Environment
    from pipeline.lock.types import Declared, Lock, PythonFile
    from pipeline.locking.asking import Backends
    from pipeline.locking.constraints import Lines
    from pipeline.locking.context import Context
    from pipeline.locking.workspace import Members

ASKED = ("dependencies", "groups", "extras", "requires", "metadata")
"""The words of a declaration whose values are requirements."""

JOBS = 4

Pins = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An environment to resolve: what it asks for, and what an earlier lock has of it.

    ``stays`` says that nothing was declared otherwise since; ``python`` is the oldest one; ``own``
    are the names of the projects that it holds as they stand; ``limits`` what their files allow.
    """

    name: str
    environment: Environment
    words: Declared
    asked: tuple[str, ...]
    python: str
    previous: RequirementSet | None
    stays: bool
    own: frozenset[str] = frozenset()
    limits: Lines = ()

    @property
    def excluded(self) -> frozenset[str]:
        """The names that no index is asked for: its own, and those that uv's settings leave out."""
        return self.own | {normal(name) for name in self.words.get(EXCLUDES, ())}

    @property
    def overrides(self) -> tuple[str, ...]:
        """The requirements that stand in place of others, as uv's settings say."""
        return tuple(self.words.get(OVERRIDES, ()))


def resolve_environments(
    context: Context, lock: Lock, backends: Backends
) -> dict[str, RequirementSet]:
    """Return the environments, with all wheels that a platform each is for could choose.

    One that cannot be resolved stays as it was.
    """
    if not context.pipeline.environments:
        return {}
    known = members(context.pipeline, context.projects)
    wanted: list[Wanted] = []
    for name in context.pipeline.environments:
        with _noting(context, name):
            wanted.append(_wanted(context, name, known, lock, backends))
    _refuse_unnamed(context, wanted, known)
    found: dict[str, RequirementSet] = {}
    for group in groups([one for one in wanted if not context.failed(_section(one.name))]):
        found |= _resolved(context, group, _versions(found.values()))
    previous = context.moves.previous.environments
    failed = {
        name: previous[name]
        for name in context.pipeline.environments
        if name not in found and name in previous
    }
    return dict(sorted({**found, **failed}.items()))


def _section(name: str) -> str:
    return f"environments.{name}"


def _noting(context: Context, name: str) -> AbstractContextManager[None]:
    return context.failures.noting(_section(name), context.where("environments", name))


def ask_backends(context: Context) -> bool:
    """Whether an environment has dependencies that only a backend knows, asked in an image."""
    known = members(context.pipeline, context.projects)
    sources: set[str] = set()
    for name, one in context.pipeline.environments.items():
        with _noting(context, name):
            sources |= {*asked(one, known).sources}
    return any(context.projects(source).dependencies is None for source in sources)


def groups(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Return the environments in the groups that share versions, in the order of declaration."""
    found: list[list[Wanted]] = []
    for one in wanted:
        fitting = (group for group in found if all(_agree(one, other) for other in group))
        group = next(fitting, None)
        if group is None:
            found.append([one])
        else:
            group.append(one)
    return found


def _agree(one: Wanted, other: Wanted) -> bool:
    return (
        one.python == other.python
        and one.name not in other.environment.conflicts
        and other.name not in one.environment.conflicts
    )


def _wanted(context: Context, name: str, known: Members, lock: Lock, backends: Backends) -> Wanted:
    environment = context.pipeline.environments[name]
    words = declared.environment(environment, known)
    moves = context.moves
    previous = moves.previous.environments.get(name)
    own = declared.wheel_names(words.get("sources", ["."]), context.projects)
    lines = context.constraints.installs
    stays = (
        previous is not None
        and not moves.names(name)
        and not moves.touches(previous)
        and not declared.moved_words(words, previous, own)
        and kept(lines, previous.declared, (one.name for one in previous.requirements))
    )
    if previous is not None and stays:
        words = previous.declared
    elif found := computed(context, name, words, known, lock=lock, backends=backends):
        words = dict(sorted({**words, "metadata": found}.items()))
    sources = words.get("sources", ["."])
    required = tuple(sorted({value for word in ASKED for value in words.get(word, [])}))
    projects = [context.projects(source) for source in sources]
    if not stays:
        where = context.where("environments", name)
        declared.require_indexes(projects, required, context.settings.pip, where)
        context.tell_unread(projects)
    return Wanted(
        name=name,
        environment=environment,
        words=words,
        asked=required,
        python=oldest_python(
            ",".join(words.get("requires-python", [])), context.projects(sources[0]).where
        ),
        previous=previous,
        stays=stays,
        own=own,
        limits=of_projects(projects, LIMITED),
    )


def _refuse_unnamed(context: Context, wanted: list[Wanted], known: Members) -> None:
    resolved = [one for one in wanted if not one.stays]
    others = unnamed(known.root, known.places) if resolved else {}
    for one in resolved:
        with _noting(context, one.name):
            refuse(one.name, one.asked, others, context.where("environments", one.name))


def _resolved(context: Context, group: list[Wanted], earlier: Pins) -> dict[str, RequirementSet]:
    if all(one.stays for one in group):
        return {one.name: one.previous for one in group if one.previous}
    group, together = _agreed(context, group, earlier)
    if together is None:
        return {}
    tasks = [partial(_alone, context, one, together) for one in group]
    found: dict[str, RequirementSet] = {}
    for one, outcome in zip(group, gather(tasks, jobs=JOBS), strict=True):
        with _noting(context, one.name):
            if isinstance(outcome, Exception):
                raise outcome
            found[one.name] = outcome
    return found


def _agreed(
    context: Context, group: list[Wanted], earlier: Pins
) -> tuple[list[Wanted], Request | None]:
    """Return the environments of a group that can share versions, and the request they share.

    One that cannot be resolved even alone is left out, and the others are tried without it.
    """
    while group:
        try:
            return group, _together(context, group, earlier)
        except PipelineError as error:
            failing, told = _disagreement(context, group, error)
        for one in failing:
            with _noting(context, one.name):
                raise told
        group = [one for one in group if one not in failing]
    return [], None


def _alone(context: Context, one: Wanted, together: Request) -> RequirementSet:
    """Return one environment with the versions of its group's resolution, ``together``."""
    packages = context.resolver.universal(together)
    pins = tuple((package.name, package.version) for package in packages)
    if one.previous and one.stays and set(_versions([one.previous])) <= set(pins):
        return one.previous
    request = _request(context, one, one.asked)
    same = replace(request, pins=together.pins) == together
    if same:  # which was answered
        request = replace(together, label=request.label, where=request.where)
    else:
        request = replace(request, pins=pins, moving=frozenset())
    with context.activity.doing(f"environment {one.name}: resolving"):
        chosen = context.resolver.for_people(request, one.environment.platforms)
    others = {
        name: place
        for name, place in members(context.pipeline, context.projects).places.items()
        if name not in one.own
    }
    refuse(one.name, [r.name for r in chosen], others, context.where("environments", one.name))
    lines = context.constraints.installs
    words = {word: values for word, values in one.words.items() if word != CONSTRAINTS}
    if lines:
        words[CONSTRAINTS] = recorded(lines, (requirement.name for requirement in chosen))
    found = RequirementSet(declared=dict(sorted(words.items())), requirements=chosen)
    where = context.where("environments", one.name)
    require_apart(context, _here(found), f"environment `{one.name}`", where)
    return found


def _here(locked: RequirementSet) -> tuple[PythonFile, ...]:
    """Return the wheels for this machine, which may be at hand: one platform tells enough."""
    try:
        return host_files(locked)
    except LockError:  # it is for others
        return ()


def _together(context: Context, group: list[Wanted], earlier: Pins) -> Request:
    """Resolve all environments of a group as one, and return the request that was answered."""
    kept = [one.previous for one in group if one.previous and not context.moves.names(one.name)]
    moving = {name for one in group if context.moves.names(one.name) for name in _names(one)}
    pins = tuple(pin for pin in _versions(kept) if pin[0] not in moving)
    named = {name for name, _ in pins}
    pins += tuple(pin for pin in earlier if pin[0] not in named)
    union = sorted({requirement for one in group for requirement in one.asked})
    names = ", ".join(f"`{one.name}`" for one in group)
    request = replace(
        _request(context, group[0], union),
        pins=pins,
        excluded=frozenset(name for one in group for name in one.excluded),
        overrides=tuple(dict.fromkeys(row for one in group for row in one.overrides)),
        constraints=(
            *context.constraints.installs,
            *dict.fromkeys(row for one in group for row in one.limits),
        ),
        label=f"environment{'s' if len(group) > 1 else ''} {names}",
    )
    with context.activity.doing(f"{request.label.replace('`', '')}: choosing versions"):
        context.resolver.universal(request)
    return request


def _request(context: Context, one: Wanted, requirements: Iterable[str]) -> Request:
    return Request(
        requirements=tuple(requirements),
        python=one.python,
        moving=context.moves.packages,
        excluded=one.excluded,
        overrides=one.overrides,
        constraints=(*context.constraints.installs, *one.limits),
        label=f"environment `{one.name}`",
        where=context.where("environments", one.name),
    )


def _disagreement(
    context: Context, group: list[Wanted], error: PipelineError
) -> tuple[list[Wanted], PipelineError]:
    """Return why a group cannot be resolved: which one alone, or several together, and why."""
    if not isinstance(error, LockError):
        return group, error
    alone = error
    for one in group if len(group) > 1 else ():
        try:
            context.resolver.universal(_request(context, one, one.asked))
        except LockError as own:
            alone, group = own, [one]
            break
    several = len(group) > 1
    hint = "let them hold each other's place with `conflicts`, or change what they require"
    return group, LockError(
        f"{alone.message}: they would have to share versions" if several else alone.message,
        where=context.where("environments", group[-1].name),
        hint=hint if several else alone.hint,
        detail=(
            *alone.detail,
            *_where_asked(context, group, (alone.message, *alone.detail)),
        ),
    )


def _where_asked(context: Context, group: list[Wanted], said: Sequence[str]) -> list[str]:
    """Return where the requirements stand that an explanation speaks of, ours first."""
    named = naming(said)
    ours = [
        f"{context.pipeline.where(*path)}: {requirement}"
        for one in group
        for path, requirement in _own_requirements(one)
        if named(requirement)
    ]
    required = {requirement for one in group for requirement in one.asked}
    sources = {source for one in group for source in one.words.get("sources", ["."])}
    files = sorted(context.projects(source).where for source in sources)
    return [*ours, *standing(required, said, context.pipeline.root, files)]


def _own_requirements(one: Wanted) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the requirements of an environment itself, each after its path of keys."""
    path = ("environments", one.name)
    for index, requirement in enumerate(one.environment.requires):
        yield (*path, "requires", str(index)), requirement
    for place, addition in one.environment.also_on.items():
        for index, requirement in enumerate(addition.requires):
            yield (*path, "also-on", place, "requires", str(index)), requirement


def _names(one: Wanted) -> set[str]:
    previous = one.previous.requirements if one.previous else ()
    return {requirement.name for requirement in previous}


def _versions(sets: Iterable[RequirementSet]) -> Pins:
    """Return the versions of every package of some sets, each once."""
    return tuple(dict.fromkeys((r.name, r.version) for one in sets for r in one.requirements))
