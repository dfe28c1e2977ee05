"""Resolving: from declarations to a lock. The only part that plans with the network.

Images come first, since their interpreters and C libraries decide which wheels fit; then the
third-party sdists, whose backends are asked; then each stage's sets; then people's environments.
Two runs against the same archives give the same lock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from pipeline.errors import LockError, NetworkError
from pipeline.files import sha256_file
from pipeline.lock.types import Lock, PythonFile
from pipeline.locking.asking import Backends
from pipeline.locking.bases import third_party_sources
from pipeline.locking.constraints import Constraints
from pipeline.locking.context import Context, Moves, python_files
from pipeline.locking.credentials import pip_client
from pipeline.locking.debian_archive import Archive
from pipeline.locking.index import Index
from pipeline.locking.places import registries
from pipeline.locking.python import Resolver
from pipeline.locking.resolve_environments import ask_backends, resolve_environments
from pipeline.locking.resolve_images import resolve_images
from pipeline.locking.resolve_sets import resolve_stages
from pipeline.network.addresses import local_path
from pipeline.network.workers import gather
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.config.model import Pipeline
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
) -> Lock:
    """Return the lock of a repository.

    With ``update`` None everything is resolved anew. Else only what it names moves (an image,
    stage or environment, or a package wherever it is locked; Debian packages move with their
    image) and what was declared otherwise than in ``previous``; the rest stays. Images are fetched
    and assembled for their digests. ``epoch`` is SOURCE_DATE_EPOCH; ``say`` is told each step.

    Raises LockError for what cannot be resolved, ConfigError for what cannot be right,
    NetworkError, VerificationError, StageFailedError of a hook. Offline, Python packages come from
    the download cache, and images have to stay as they are.
    """
    if settings.offline and not settings.downloads:
        raise NetworkError(
            "resolving needs the network, which is off",
            hint="without it, packages can only be chosen from `project.download-cache`",
        )
    if settings.downloads and not settings.offline:
        settings.downloads.refresh()
    moves = Moves.of(pipeline, previous or Lock(epoch=epoch), update)
    context = _context(pipeline, moves, settings, store, run_step, epoch, say)
    if ask_backends(context):
        lock = _without_environments(context)
        return _with_environments(context, lock)
    # They need no image, so that index and archive can be asked at the same time.
    tasks = (
        partial(_without_environments, context),
        partial(_with_environments, context, Lock(epoch=epoch)),
    )
    found = gather(tasks, jobs=len(tasks))
    for outcome in found:
        if isinstance(outcome, Exception):
            raise outcome
    lock, environments = (outcome for outcome in found if isinstance(outcome, Lock))
    return replace(lock, environments=environments.environments)


def _without_environments(context: Context) -> Lock:
    lock = Lock(epoch=context.epoch, images=resolve_images(context), sources=_sources(context))
    return replace(lock, stages=resolve_stages(context, lock, Backends(context, lock)))


def _with_environments(context: Context, lock: Lock) -> Lock:
    found = resolve_environments(context, lock, Backends(context, lock))
    return replace(lock, environments=found)


def _context(
    pipeline: Pipeline,
    moves: Moves,
    settings: Settings,
    store: Store,
    run_step: RunStep,
    epoch: int,
    say: Callable[[str], None],
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
        constraints=constraints,
        say=say,
    )


def _sources(context: Context) -> dict[str, PythonFile]:
    """Return the sdist of every third-party source; its version is its declaration."""
    previous = context.moves.previous.sources
    keep = context.moves.update is not None
    return {
        source: previous[source] if keep and source in previous else _sdist(source, context)
        for source in third_party_sources(context.pipeline)
    }


def _sdist(source: str, context: Context) -> PythonFile:
    name, _, version = source.partition("==")
    context.say(f"source {source}: looking for its sdist")
    for link in context.index.links(canonicalize_name(name)):
        if _is_release(link, name, version):
            return PythonFile(
                name=link.name,
                sha256=link.sha256 or _own_digest(link),
                size=link.size or context.index.size(link.name, link.sha256),
            )
    raise LockError(
        f"no index has an sdist (`.tar.gz`) of `{source}`",
        where=context.where("stages"),
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
