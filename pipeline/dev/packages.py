"""The packages of the repository that a person works on, with those they depend on there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.project.editable import Editable
from pipeline.project.layout import compiled_by
from pipeline.project.pyproject import normal, requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.locking.workspace import Members
    from pipeline.project.pyproject import Project


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution of the repository, installed from its sources.

    ``requirements`` are what it depends on, with the extras of it that others ask for;
    ``compiled`` is whose settings tell how its modules are compiled, if it has any.
    """

    editable: Editable
    requirements: tuple[str, ...] = ()
    compiled: str = ""

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return self.editable.name

    @property
    def source(self) -> str:
        """Its directory in the repository."""
        return self.editable.source


def chosen(members: Members, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the directories of the projects called so; UsageError for a name that is none's."""
    found = []
    for name in wanted:
        if normal(name) not in members.places:
            known = ", ".join(f"`{known}`" for known in members.places) or "none"
            raise UsageError(
                f"there is no package `{name}` in this repository",
                hint=f"those that `pipeline.yaml` names: {known}",
            )
        found.append(members.places[normal(name)])
    return tuple(found)


def closed(members: Members, sources: Iterable[str]) -> tuple[Package, ...]:
    """Return the packages in these directories and those of the repository they depend on.

    Sorted by directory. A directory that declares no project is left out.
    """
    found: dict[str, dict[str, None]] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    pending: list[tuple[str, tuple[str, ...]]] = [(source, ()) for source in sources]
    while pending:
        source, extras = one = pending.pop()
        project = members.read(source)
        if one in seen or not project.name:
            continue
        seen.add(one)
        wanted = tuple(_requirements(project, extras))
        found.setdefault(source, {}).update(dict.fromkeys(wanted))
        names = (requirement_name(requirement) for requirement in wanted)
        pending += [(members.places[name], more) for name, more in names if name in members.places]
    return tuple(
        replace(read(members.root, source, members.read(source)), requirements=tuple(found[source]))
        for source in sorted(found)
    )


def _requirements(project: Project, extras: Iterable[str]) -> Iterator[str]:
    yield from project.dependencies or ()
    for extra in extras:
        if extra in project.extras:
            yield from project.extra_requires(extra)


def read(root: Path, source: str, project: Project) -> Package:
    """Return the package of a project that has a name; ConfigError when it cannot be placed."""
    return Package(
        editable=Editable.read(root, source, project),
        compiled=compiled_by(root / source, project),
    )
