"""What resolving works with, and the rules of what may move."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, PipelineError, StoreError, UsageError
from pipeline.locking.constraints import Constraints
from pipeline.locking.pip_settings import has_index
from pipeline.network.addresses import shown
from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import Lock, LockedFile, PythonFile, RequirementSet
    from pipeline.locking.debian_archive import Archive
    from pipeline.locking.hooks import RunStep
    from pipeline.locking.index import Index
    from pipeline.locking.python import Resolver
    from pipeline.locking.settings import Settings
    from pipeline.project.pyproject import Project
    from pipeline.registry.client import Registry
    from pipeline.store.store import Store


KINDS = ("images", "sources", "stages", "environments")
"""The sections of a lock, in the order in which one needs the other."""

STILL_SECONDS = 10.0
"""What lasts is told again this often."""


@dataclass(frozen=True, kw_only=True)
class Moves:
    """What may change: everything when ``update`` is None, else what it names and what is stale.

    A name of ``sections`` (images, stages, environments) means that, any other a package.
    """

    previous: Lock
    update: frozenset[str] | None
    sections: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pipeline: Pipeline, previous: Lock, update: frozenset[str] | None) -> Moves:
        """Return the rules for a repository.

        Raises UsageError for a name that is neither declared nor locked.
        """
        sections = frozenset((*pipeline.images, *pipeline.stages, *pipeline.environments))
        known = sections | set(_locked_names(previous))
        for name in sorted(update or ()):
            if name not in known and normal(name) not in known:
                raise UsageError(
                    f"nothing in the lock is called `{name}`, so nothing can be updated",
                    hint="name an image, stage or environment, or a package that is locked",
                )
        return cls(previous=previous, update=update, sections=sections)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The packages that are to move, as distributions' names are compared."""
        return frozenset(normal(name) for name in (self.update or frozenset()) - self.sections)

    def names(self, section: str) -> bool:
        """Whether an image, stage or environment is to be resolved anew."""
        return self.update is None or section in self.update

    def touches(self, locked: RequirementSet) -> bool:
        """Whether a set holds a package that is to move."""
        return any(normal(r.name) in self.packages for r in locked.requirements)

    def pins(self, section: str, locked: RequirementSet | None) -> tuple[tuple[str, str], ...]:
        """Return the versions that a set keeps where it can."""
        if locked is None or self.names(section):
            return ()
        return tuple((r.name, r.version) for r in locked.requirements)


def _locked_names(lock: Lock) -> Iterator[str]:
    for image in lock.images.values():
        for platform in image.platforms.values():
            yield from (package.name for package in platform.packages)
            yield from (normal(wheel.name.partition("-")[0]) for wheel in platform.wheels)
    for locked in all_sets(lock):
        yield from (normal(requirement.name) for requirement in locked.requirements)


def all_sets(lock: Lock) -> Iterator[RequirementSet]:
    """Yield every set of a lock."""
    for stage in lock.stages.values():
        yield from stage.sets.values()
    yield from lock.environments.values()


def python_files(lock: Lock) -> Iterator[PythonFile]:
    """Yield every Python file of a lock."""
    yield from lock.sources.values()
    for image in lock.images.values():
        for platform in image.platforms.values():
            yield from platform.wheels
    for locked in all_sets(lock):
        for requirement in locked.requirements:
            yield from requirement.files


class Failures:
    """What could not be locked. It stops what needs it, and nothing else.

    ``sections`` are named as in `Stale`: ``images.python``. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self.sections: set[str] = set()
        self._noted: list[tuple[str, PipelineError]] = []

    @property
    def errors(self) -> list[PipelineError]:
        """What went wrong, in the order of a lock's sections, whichever thread was faster."""
        rows = sorted(self._noted, key=lambda row: KINDS.index(row[0].partition(".")[0]))
        return [error for _, error in rows]

    @contextmanager
    def noting(self, section: str, where: str) -> Iterator[None]:
        """Go on after the block when a section cannot be locked; ``where`` it is declared.

        What no other section could do better with, a wrong setting of this machine or a full disk,
        is raised.
        """
        try:
            yield
        except StoreError:
            raise
        except PipelineError as error:
            if isinstance(error, UsageError) and not isinstance(error, ConfigError):
                raise
            error.where = error.where or where
            self.sections.add(section)
            known = {(other.message, other.detail) for _, other in self._noted}
            if (error.message, error.detail) not in known:
                self._noted.append((section, error))


class Activity:
    """What is being done, for people who wait: told once, and again while it lasts.

    Safe to use from several threads.
    """

    def __init__(
        self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._began: dict[str, float] = {}
        self._told = clock()
        self._once: set[str] = set()

    def note(self, what: str) -> None:
        """Tell something, once however often it is found."""
        if what not in self._once:
            self._once.add(what)
            self._say(what)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Tell what the block does."""
        self._say(what)
        self._began[what] = self._clock()
        try:
            yield
        finally:
            self._began.pop(what, None)

    def tick(self) -> None:
        """Tell what is waited for when nothing was told for a while; to be called now and then."""
        now = self._clock()
        if now - self._told < STILL_SECONDS:
            return
        self._told = now
        for what, began in list(self._began.items()):
            if now - began >= STILL_SECONDS:
                self._say(f"still waiting, {now - began:.0f} s: {what}")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The tools of one resolution.

    ``constraints`` are those of this machine; ``failures`` take what cannot be locked; ``activity``
    is told what is being done; ``fetch`` brings files into the store.
    """

    pipeline: Pipeline
    moves: Moves
    settings: Settings
    store: Store
    index: Index
    archive: Archive
    registry: Registry
    resolver: Resolver
    run_step: RunStep
    projects: Callable[[str], Project]
    epoch: int
    fetch: Callable[[Iterable[LockedFile]], object]
    constraints: Constraints = field(default_factory=Constraints)
    failures: Failures = field(default_factory=Failures)
    activity: Activity = field(default_factory=lambda: Activity(lambda _: None))

    def failed(self, *sections: str) -> bool:
        """Whether one of some sections could not be locked."""
        return any(section in self.failures.sections for section in sections)

    def tell_unread(self, projects: Iterable[Project]) -> None:
        """Tell what the files of projects say of indexes and versions that is not followed."""
        for project in projects:
            for key in project.sources.unread:
                self.activity.note(f"{project.where}: `{key}` is not followed when locking")
            for one in project.sources.general:
                if not self.settings.offline and not has_index(self.settings.indexes, one.address):
                    self.activity.note(
                        f"{project.where}: `{one.name}` names the index `{shown(one.address)}`, "
                        "which pip's settings do not, so it is not asked (`PIP_EXTRA_INDEX_URL`)"
                    )

    def where(self, *path: str) -> str:
        """Return where a declaration stands, as near as is known."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.pipeline.origins:
                return str(self.pipeline.origins[path[:length]])
        return ""
