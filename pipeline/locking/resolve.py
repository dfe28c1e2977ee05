"""Resolving: from declarations to a lock. The only part that plans with the network.

Images come first, since their interpreters and C libraries decide which wheels fit; then the
third-party sdists, whose backends are asked; then each stage's sets; then people's environments.
Two runs against the same archives give the same lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from pipeline.errors import LockError, NetworkError, PipelineError
from pipeline.files import sha256_file
from pipeline.lock.types import Lock, PythonFile
from pipeline.locking.asking import Backends
from pipeline.locking.bases import cell_source, container_stages, third_party_sources
from pipeline.locking.constraints import Constraints
from pipeline.locking.context import Activity, Context, Moves, python_files
from pipeline.locking.credentials import pip_client
from pipeline.locking.debian_archive import Archive
from pipeline.locking.fetch import fetch
from pipeline.locking.index import Index
from pipeline.locking.places import registries
from pipeline.locking.python import Resolver
from pipeline.locking.resolve_environments import ask_backends, resolve_environments
from pipeline.locking.resolve_images import resolve_images
from pipeline.locking.resolve_sets import resolve_stages
from pipeline.network.addresses import local_path
from pipeline.network.workers import gather
from pipeline.plan.matrix import cells
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import LockedFile
    from pipeline.locking.hooks import RunStep
    from pipeline.locking.index import Link
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store


def resolve(
    pipeline: Pipeline,
    previous: Lock | None,
    settings: Settings,
    *,
    store: Store,
    run_step: RunStep,
    epoch: int,
    update: frozenset[str] | None = frozenset(),
    say: Callable[[str], None] = lambda _: None,
    fetch_files: Callable[[Iterable[LockedFile]], object] | None = None,
) -> Resolution:
    """Return the lock of a repository, as far as it could be resolved.

    With ``update`` None everything is resolved anew. Else only what it names moves (an image,
    stage or environment, or a package wherever it is locked; Debian packages move with their
    image) and what was declared otherwise than in ``previous``; the rest stays. Images are fetched
    and assembled for their digests. ``epoch`` is SOURCE_DATE_EPOCH; ``say`` is told each step;
    ``fetch_files`` brings files into the store, by default without a word.

    What cannot be locked stops only what needs it, and keeps what it had in ``previous``. Raises
    UsageError and StoreError, and NetworkError where everything would need the network, which is
    off. Offline, Python packages come from the download cache, and images have to stay as they are.
    """
    if settings.offline and not settings.downloads:
        raise NetworkError(
            "resolving needs the network, which is off",
            hint="without it, packages can only be chosen from `project.download-cache`",
        )
    if settings.downloads and not settings.offline:
        settings.downloads.refresh()
    moves = Moves.of(pipeline, previous or Lock(epoch=epoch), update)
    context = _context(
        pipeline,
        moves,
        settings,
        store,
        run_step,
        epoch,
        say,
        fetch_files or (lambda files: fetch(files, store, settings)),
    )
    if ask_backends(context):
        tasks: tuple[Callable[[], Lock], ...] = (partial(_everything, context),)
    else:  # They need no image, so that index and archive can be asked at the same time.
        tasks = (
            partial(_without_environments, context),
            partial(_environments, context, Lock(epoch=epoch)),
        )
    found = gather(tasks, jobs=len(tasks), tick=context.activity.tick)
    for outcome in found:
        if isinstance(outcome, Exception):
            raise outcome
    locks = [outcome for outcome in found if isinstance(outcome, Lock)]
    lock = replace(locks[0], environments=locks[-1].environments)
    return Resolution(lock=_with_previous(context, lock), errors=tuple(context.failures.errors))


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """A lock, and what kept parts of it from being locked, the first first."""

    lock: Lock
    errors: tuple[PipelineError, ...] = ()

    def whole(self) -> Lock:
        """Return the lock if nothing is amiss with it; else raise what came first."""
        if self.errors:
            raise self.errors[0]
        return self.lock


def _everything(context: Context) -> Lock:
    lock = _without_environments(context)
    return replace(lock, environments=_environments(context, lock).environments)


def _without_environments(context: Context) -> Lock:
    lock = Lock(epoch=context.epoch, images=resolve_images(context), sources=_sources(context))
    return replace(lock, stages=resolve_stages(context, lock, Backends(context, lock)))


def _environments(context: Context, lock: Lock) -> Lock:
    return replace(lock, environments=resolve_environments(context, lock, Backends(context, lock)))


def _with_previous(context: Context, lock: Lock) -> Lock:
    """Return the lock with what failed as it was before."""
    previous, failed = context.moves.previous, context.failures.sections
    images = {name: one for name, one in previous.images.items() if f"images.{name}" in failed}
    sources = {name: one for name, one in previous.sources.items() if f"sources.{name}" in failed}
    return replace(
        lock,
        images=dict(sorted({**images, **lock.images}.items())),
        sources=dict(sorted({**sources, **lock.sources}.items())),
    )


def _context(
    pipeline: Pipeline,
    moves: Moves,
    settings: Settings,
    store: Store,
    run_step: RunStep,
    epoch: int,
    say: Callable[[str], None],
    fetch_files: Callable[[Iterable[LockedFile]], object],
) -> Context:
    client = pip_client(settings)
    index = Index(client, settings)
    constraints = Constraints.read(settings, client)
    if constraints.files:
        say(f"resolving under the constraints in {', '.join(constraints.files)}")
    return Context(
        pipeline=pipeline,
        moves=moves,
        settings=settings,
        store=store,
        index=index,
        archive=Archive(client, settings, now=datetime.now(tz=UTC)),
        registry=registries(settings),
        resolver=Resolver(settings, index, python_files(moves.previous)),
        run_step=run_step,
        projects=reader(pipeline.root),
        epoch=epoch,
        fetch=fetch_files,
        constraints=constraints,
        activity=Activity(say),
    )


def _sources(context: Context) -> dict[str, PythonFile]:
    """Return the sdist of every third-party source; its version is its declaration."""
    previous = context.moves.previous.sources
    keep = context.moves.update is not None
    found: dict[str, PythonFile] = {}
    for source in third_party_sources(context.pipeline):
        if keep and source in previous:
            found[source] = previous[source]
            continue
        where = _where(source, context)
        what = f"source {source}: looking for its sdist"
        with context.failures.noting(f"sources.{source}", where), context.activity.doing(what):
            found[source] = _sdist(source, context)
    return found


def _where(source: str, context: Context) -> str:
    """Return where the first stage that builds from a source names it."""
    for stage in container_stages(context.pipeline):
        if any(cell_source(stage, cell) == source for cell in cells(stage, context.pipeline.root)):
            values = stage.matrix.axes.get("source", ())
            index = str(values.index(source)) if source in values else ""
            axis = ("stages", stage.name, "matrix", "source")
            return context.where(*((*axis, index) if index else ("stages", stage.name, "source")))
    return context.where("stages")


def _sdist(source: str, context: Context) -> PythonFile:
    name, _, version = source.partition("==")
    for link in context.index.links(canonicalize_name(name)):
        if _is_release(link, name, version):
            return PythonFile(
                name=link.name,
                sha256=link.sha256 or _own_digest(link),
                size=link.size or context.index.size(link.name, link.sha256),
            )
    raise LockError(
        f"no index has an sdist (`.tar.gz`) of `{source}`",
        hint="check the name and the version, and pip's settings",
    )


def _is_release(link: Link, name: str, version: str) -> bool:
    if not link.name.endswith(".tar.gz"):
        return False
    try:
        found, number = parse_sdist_filename(link.name)
        return found == canonicalize_name(name) and number == Version(version)
    except (InvalidSdistFilename, InvalidVersion):
        return False


def _own_digest(link: Link) -> str:
    path = local_path(link.url)
    if path is None:
        raise LockError(f"the index gives no sha256 for `{link.name}`", hint="use one that does")
    return sha256_file(path)
