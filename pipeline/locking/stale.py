"""Whether the lock still answers the declarations, offline; which moved, by name.

A stale lock is refused, never ignored: what it pins was chosen for something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage
from pipeline.errors import LockError
from pipeline.lock.types import RequirementSet
from pipeline.locking import declared
from pipeline.locking.bases import bases, cell_source, container_stages, third_party_sources
from pipeline.locking.workspace import members
from pipeline.plan.matrix import cells
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

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


def check(pipeline: Pipeline, lock: Lock, sections: Container[str] | None = None) -> list[Stale]:
    """Return what moved since the lock was made, in the order of its sections; [] when fresh.

    Where ``sections`` are given, images and sources beside them are left out, with the stages that
    stand on these: what has gone from its registry or index stops only what needs it.
    """
    projects = reader(pipeline.root)
    found = [
        *_images(pipeline, lock),
        *_sources(pipeline, lock),
        *_stages(pipeline, lock, projects),
        *_environments(pipeline, lock, projects),
    ]
    found = list(dict.fromkeys(found))  # cells that share a declaration report it once
    if sections is None or not found:
        return found
    beside = {
        one.section
        for one in found
        if one.section.startswith(("images.", "sources.")) and one.section not in sections
    }
    return [
        one
        for one in found
        if one.section in sections or not _stands_on(pipeline, one.section, beside)
    ]


def _stands_on(pipeline: Pipeline, section: str, others: set[str]) -> bool:
    kind, _, name = section.partition(".")
    if kind == "stages" and name in pipeline.stages:
        return bool(sections_of(pipeline, [name]) & others)
    return section in others


def sections_of(
    pipeline: Pipeline, stages: Iterable[str] = (), images: Iterable[str] = ()
) -> frozenset[str]:
    """Return the sections that stages and images go by, with all that they need and stand on."""
    found = {f"images.{name}" for image in images for name in _chain(pipeline, image)}
    pending = [*stages]
    while pending:
        name = pending.pop()
        if f"stages.{name}" in found:
            continue
        found.add(f"stages.{name}")
        stage = pipeline.stages[name]
        pending += stage.needs
        if isinstance(stage, ContainerStage):
            for cell in cells(stage, pipeline.root):
                found.add(f"sources.{cell_source(stage, cell)}")
                found |= {f"images.{image}" for image in _chain(pipeline, cell.fill(stage.image))}
    return frozenset(found)


def _chain(pipeline: Pipeline, image: str | None) -> Iterator[str]:
    """Yield an image and what it starts from."""
    while image:
        yield image
        declared = pipeline.images.get(image)
        image = declared.origin.image if declared else None


def require_fresh(pipeline: Pipeline, lock: Lock, sections: Container[str] | None = None) -> None:
    """Raise LockError that names every declaration that moved, if any did, as `check` has them."""
    moved = check(pipeline, lock, sections)
    if moved:
        raise LockError(
            "`pipeline.lock` is stale: it was resolved from other declarations",
            where=_where(pipeline, moved[0]),
            hint="run `pipeline lock`",
            detail=tuple(str(stale) for stale in moved),
        )


def _where(pipeline: Pipeline, stale: Stale) -> str:
    kind, _, name = stale.section.partition(".")
    if kind == "sources":
        kind, name = "stages", next(iter(_builders(pipeline, name)), "")
    for path in ((kind, name, stale.what), (kind, name), (kind,)):
        if path in pipeline.origins:
            return str(pipeline.origins[path])
    return ""


def _builders(pipeline: Pipeline, source: str) -> Iterator[str]:
    """Yield the names of the stages that build from a source."""
    for stage in container_stages(pipeline):
        if any(cell_source(stage, cell) == source for cell in cells(stage, pipeline.root)):
            yield stage.name


def _images(pipeline: Pipeline, lock: Lock) -> Iterator[Stale]:
    nothing: frozenset[str] = frozenset()
    images = pipeline.images.items()
    now = {name: (declared.image(image, pipeline.root), nothing) for name, image in images}
    then = {name: RequirementSet(declared=image.declared) for name, image in lock.images.items()}
    yield from _sections("images", now, then)


def _sources(pipeline: Pipeline, lock: Lock) -> Iterator[Stale]:
    now, then = third_party_sources(pipeline), lock.sources
    for source in sorted({*now} ^ then.keys()):
        section = f"sources.{source}"
        yield _whole(section, source if source in now else "", source if source in then else "")


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
