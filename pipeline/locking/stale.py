"""Whether the lock still answers the declarations, offline; which moved, by name.

A stale lock is refused, never ignored: what it pins was chosen for something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import LockError
from pipeline.lock.types import RequirementSet
from pipeline.locking import declared
from pipeline.locking.bases import bases, container_stages, third_party_sources
from pipeline.locking.workspace import members
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import Declared, Lock
    from pipeline.project.pyproject import Project

    Wanted = tuple[Declared, frozenset[str]]
    """A declaration, and the names of what is built here, of which it holds none."""


@dataclass(frozen=True, kw_only=True)
class Stale:
    """One word of a declaration that moved.

    ``section`` is like ``images.python`` or ``stages.wheel``; ``what`` the word, empty when the
    whole section is new or gone, which an empty ``declared_then`` or ``declared_now`` says.
    """

    section: str
    what: str
    declared_now: tuple[str, ...]
    declared_then: tuple[str, ...]

    def __str__(self) -> str:
        name = f"{self.section}: {self.what}" if self.what else self.section
        now, then = set(self.declared_now), set(self.declared_then)
        moved = [f"+{value}" for value in sorted(now - then)]
        moved += [f"-{value}" for value in sorted(then - now)]
        return f"{name} ({', '.join(moved)})"


def check(pipeline: Pipeline, lock: Lock) -> list[Stale]:
    """Return what moved since the lock was made, in the order of its sections; [] when fresh."""
    projects = reader(pipeline.root)
    found = [
        *_images(pipeline, lock),
        *_sources(pipeline, lock),
        *_stages(pipeline, lock, projects),
        *_environments(pipeline, lock, projects),
    ]
    return list(dict.fromkeys(found))  # cells that share a declaration report it once


def require_fresh(pipeline: Pipeline, lock: Lock) -> None:
    """Raise LockError that names every declaration that moved, if any did."""
    moved = check(pipeline, lock)
    if moved:
        raise LockError(
            "`pipeline.lock` is stale: it was resolved from other declarations",
            where=_where(pipeline, moved[0]),
            hint="run `pipeline lock`",
            detail=tuple(str(stale) for stale in moved),
        )


def _where(pipeline: Pipeline, stale: Stale) -> str:
    kind, _, name = stale.section.partition(".")
    for path in ((kind, name, stale.what), (kind, name), (kind,)):
        if path in pipeline.origins:
            return str(pipeline.origins[path])
    return ""


def _images(pipeline: Pipeline, lock: Lock) -> Iterator[Stale]:
    nothing: frozenset[str] = frozenset()
    images = pipeline.images.items()
    now = {name: (declared.image(image, pipeline.root), nothing) for name, image in images}
    then = {name: RequirementSet(declared=image.declared) for name, image in lock.images.items()}
    yield from _sections("images", now, then)


def _sources(pipeline: Pipeline, lock: Lock) -> Iterator[Stale]:
    now, then = third_party_sources(pipeline), tuple(sorted(lock.sources))
    if now != then:
        yield Stale(section="sources", what="", declared_now=now, declared_then=then)


def _stages(pipeline: Pipeline, lock: Lock, projects: Callable[[str], Project]) -> Iterator[Stale]:
    stages = {stage.name: stage for stage in container_stages(pipeline)}
    for name in sorted(stages.keys() | lock.stages.keys()):
        now: dict[str, Wanted] = {}
        if name in stages:
            for base in bases(pipeline, stages[name], lock.images):
                words = declared.base(stages[name], base, projects)
                if words is not None:
                    now[base.key] = (words, declared.wheel_names(base.wheels, projects))
        locked = lock.stages[name].sets if name in lock.stages else {}
        yield from _sets(f"stages.{name}", now, locked)


def _environments(
    pipeline: Pipeline, lock: Lock, projects: Callable[[str], Project]
) -> Iterator[Stale]:
    now: dict[str, Wanted] = {}
    if pipeline.environments:
        known = members(pipeline, projects)
        for name, one in pipeline.environments.items():
            words = declared.environment(one, known)
            own = declared.wheel_names(words.get("sources", ["."]), projects)
            now[name] = (words, own)
    yield from _sections("environments", now, lock.environments)


def _sections(
    kind: str, now: Mapping[str, Wanted], then: Mapping[str, RequirementSet]
) -> Iterator[Stale]:
    for name in sorted(now.keys() | then.keys()):
        section = f"{kind}.{name}"
        if name in now and name in then:
            yield from _words(section, now[name], then[name])
        else:
            yield _whole(section, name if name in now else "", name if name in then else "")


def _sets(
    section: str, now: Mapping[str, Wanted], then: Mapping[str, RequirementSet]
) -> Iterator[Stale]:
    for key in sorted(now.keys() & then.keys()):
        yield from _words(section, now[key], then[key])
    for key in sorted(now.keys() ^ then.keys()):
        yield _whole(section, key if key in now else "", key if key in then else "")


def _whole(section: str, now: str, then: str) -> Stale:
    return Stale(
        section=section,
        what="",
        declared_now=(now,) if now else (),
        declared_then=(then,) if then else (),
    )


def _words(section: str, now: Wanted, then: RequirementSet) -> Iterator[Stale]:
    words, own = now
    for word, (left, right) in declared.moved_words(words, then, own).items():
        yield Stale(
            section=section, what=word, declared_now=tuple(left), declared_then=tuple(right)
        )
