"""First-party projects: what an environment for people asks for, and what it holds as it stands.

A project of the repository is known by the name in its ``pyproject.toml``. Where an environment's
requirements name one, its own dependencies count in its place and its directory joins those that
are importable: no index is asked for it, so none can supply another project of that name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.config.matrix import directories
from pipeline.config.stages import WheelStage
from pipeline.errors import ConfigError
from pipeline.locking.bases import (
    cell_source,
    container_stages,
    is_third_party,
    wheel_options,
)
from pipeline.plan.matrix import cells
from pipeline.project.pyproject import normal, requirement_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.config.model import Addition, Environment, Pipeline
    from pipeline.locking.bases import BackendOptions
    from pipeline.project.pyproject import Project


@dataclass(frozen=True, kw_only=True)
class Members:
    """The projects of the repository at ``root``; ``places`` has their directories by name.

    ``read`` reads the project in a directory; ``options`` are what the backend of one is asked
    with, as the stage says that builds its wheel.
    """

    root: Path
    places: Mapping[str, str]
    read: Callable[[str], Project]
    options: Mapping[str, tuple[BackendOptions, ...]] = field(default_factory=dict)

    def of(self, environment: Environment) -> tuple[str, ...]:
        """Return the directories of the projects that an environment is for."""
        found = (place for one in environment.sources for place in directories(one, self.root))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an environment asks indexes for, by the words of its declaration.

    ``sources`` are the directories of its own projects and of those that they depend on.
    """

    sources: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]


def members(pipeline: Pipeline, read: Callable[[str], Project]) -> Members:
    """Return the projects that the stages and environments of a repository name."""
    found = Members(root=pipeline.root, places={}, read=read)
    sources = {place for one in pipeline.environments.values() for place in found.of(one)}
    for stage in container_stages(pipeline):
        sources |= {cell_source(stage, cell) for cell in cells(stage, pipeline.root)}
    own = sorted(source for source in sources if not is_third_party(source))
    places = {normal(name): source for source in own if (name := read(source).name)}
    options = _options(pipeline) if any(read(one).dependencies is None for one in own) else {}
    return Members(root=pipeline.root, places=places, read=read, options=options)


def _options(pipeline: Pipeline) -> dict[str, tuple[BackendOptions, ...]]:
    """Return what the first stage that builds the wheel of a directory gives its backend."""
    found: dict[str, tuple[BackendOptions, ...]] = {}
    for stage in container_stages(pipeline):
        if isinstance(stage, WheelStage):
            rows = wheel_options(pipeline, stage)
            for source in {source for source, _ in rows} - found.keys():
                found[source] = tuple(options for one, options in rows if one == source)
    return found


def asked(environment: Environment, members: Members) -> Asked:
    """Return what an environment asks for; ConfigError where no project has a group or extra."""
    walk = _Walk(members=members)
    own = members.of(environment)
    for source in own:
        walk.source(source)
    walk.addition(environment, own)
    for place in environment.platforms:
        if place.value in environment.also_on:
            walk.addition(environment.also_on[place.value], own, marker=place.marker)
    return Asked(
        sources=tuple(sorted(walk.sources)),
        words={word: tuple(found) for word, found in walk.found.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """What was found so far: requirements by word, directories, extras that were followed."""

    members: Members
    found: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)
    extras: set[tuple[str, str]] = field(default_factory=set)

    def source(self, source: str) -> None:
        """Add a project with what it depends on."""
        if source not in self.sources:
            self.sources[source] = None
            self.take("dependencies", self.members.read(source).dependencies or ())

    def addition(
        self, asked: Environment | Addition, own: tuple[str, ...], marker: str = ""
    ) -> None:
        """Add groups, extras and requirements, all under a marker."""
        for name in asked.groups:
            for project in self._having("dependency group", name, own):
                self.take("groups", project.group_requires(name), marker)
        for name in asked.extras:
            for project in self._having("extra", name, own):
                self.take("extras", project.extra_requires(name), marker)
        self.take("requires", asked.requires, marker)

    def take(self, word: str, requirements: Iterable[str], marker: str = "") -> None:
        """Add requirements; a project of the repository stands for what it depends on."""
        for requirement in requirements:
            name, extras = requirement_name(requirement)
            place = self.members.places.get(name)
            if place is None:
                self.found.setdefault(word, []).append(_limited(requirement, marker))
                continue
            self.source(place)
            for extra in extras:
                if (place, extra) not in self.extras:
                    self.extras.add((place, extra))
                    self.take(word, self.members.read(place).extra_requires(extra), marker)

    def _having(self, what: str, name: str, own: tuple[str, ...]) -> Iterator[Project]:
        """Yield the environment's own projects that have an extra or group."""
        projects = [self.members.read(source) for source in own]
        known = [project.extras if what == "extra" else project.groups for project in projects]
        having = [p for p, names in zip(projects, known, strict=True) if normal(name) in names]
        if not having:
            declared = ", ".join(sorted({one for names in known for one in names})) or "none"
            raise ConfigError(
                f"{what} `{name}` is not declared",
                where=projects[0].where if len(projects) == 1 else "",
                hint=f"declared are: {declared}",
            )
        yield from having


def _limited(requirement: str, marker: str) -> str:
    """Return a requirement that holds only where ``marker`` does as well."""
    if not marker:
        return requirement
    from packaging.markers import Marker  # noqa: PLC0415 - most environments add nothing
    from packaging.requirements import InvalidRequirement  # noqa: PLC0415

    from pipeline.wheels.metadata import parse_requirement  # noqa: PLC0415

    try:
        found = parse_requirement(requirement)
    except InvalidRequirement as error:
        raise ConfigError(f"`{requirement}` is no requirement", where="pipeline.yaml") from error
    both = f"({found.marker}) and {marker}" if found.marker else marker
    found.marker = Marker(both)
    return str(found)
