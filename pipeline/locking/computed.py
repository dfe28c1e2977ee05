"""Dependencies that only a build backend can tell, asked for a people's environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.stages import WheelStage
from pipeline.errors import ConfigError
from pipeline.locking.bases import bases, container_stages
from pipeline.locking.select import linux_environment
from pipeline.project.pyproject import requirement_name

if TYPE_CHECKING:
    from pipeline.lock.types import Declared, Lock
    from pipeline.locking.asking import Backends
    from pipeline.locking.bases import Base
    from pipeline.locking.context import Context
    from pipeline.locking.workspace import Members


def computed(
    context: Context,
    name: str,
    words: Declared,
    members: Members,
    *,
    lock: Lock,
    backends: Backends,
) -> list[str]:
    """Return what the projects of environment ``name`` need that no file says, sorted.

    ``words`` is its declaration. Each backend is asked in the image of a wheel stage. Raises
    ConfigError where there is none, or where a backend names a project of the repository that
    the environment does not hold.
    """
    environment = context.pipeline.environments[name]
    where = context.where("environments", name)
    sources = words.get("sources", ["."])
    own = members.of(environment)
    found: set[str] = set()
    for source in sources:
        if context.projects(source).dependencies is None:
            base = _base(context, source, lock, where)
            markers = linux_environment(base.python, base.target.machine)
            extras = environment.extras if source in own else ()
            told = backends.dependencies(source, base, extras, markers)
            found |= set(context.projects(source).sources.followed(told))
    for requirement in sorted(found):
        place = members.places.get(requirement_name(requirement)[0])
        if place and place not in sources:
            raise ConfigError(
                f"environment `{name}` needs `{place}` of this repository, as only a backend tells",
                where=where,
                hint=f"add `{place}` to its `source`",
            )
    return sorted(r for r in found if requirement_name(r)[0] not in members.places)


def _base(context: Context, source: str, lock: Lock, where: str) -> Base:
    """Return what the wheel of a project is built on."""
    for stage in container_stages(context.pipeline):
        for base in bases(context.pipeline, stage, lock.images):
            if isinstance(stage, WheelStage) and base.source == source:
                return base
    raise ConfigError(
        f"the dependencies of `{source}` are computed by the backend, and no wheel stage builds "
        "that project, so there is no image to ask it in",
        where=where,
        hint="declare `dependencies` in `[project]`, or add a wheel stage",
    )
