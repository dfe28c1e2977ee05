"""Fetching: exactly what the lock names goes into the store; the network ends here.

Nothing heavy is imported and no socket opened when all is there already, or when offline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError, PipelineError, VerificationError
from pipeline.lock.types import DebianPackage, PythonFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.lock.types import Lock, LockedPlatform, RequirementSet
    from pipeline.locking.index import Index
    from pipeline.locking.settings import Settings
    from pipeline.locking.transport import Client
    from pipeline.store.store import Store

Wanted = DebianPackage | PythonFile


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a fetch is: files that are complete and bytes that have come, of how many."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class FetchReport:
    """What a fetch did: files downloaded, their size in bytes, files that were there already."""

    fetched: int = 0
    size: int = 0
    present: int = 0


def platform_files(platform: LockedPlatform) -> tuple[Wanted, ...]:
    """Return what an image on one platform is made of, without the image it starts from."""
    return (*platform.packages, *platform.wheels)


def set_files(locked: RequirementSet) -> tuple[PythonFile, ...]:
    """Return every file of a set."""
    return tuple(file for requirement in locked.requirements for file in requirement.files)


def everything(lock: Lock) -> tuple[Wanted, ...]:
    """Return all that builds need of a lock: images, stages and sources, on every platform.

    Environments for people are not among it: they name files for every kind of machine, of which
    `pipeline.locking.select.host_files` chooses.
    """
    found: list[Wanted] = list(lock.sources.values())
    for image in lock.images.values():
        found += (file for p in image.platforms.values() for file in platform_files(p))
    for stage in lock.stages.values():
        found += (file for locked in stage.sets.values() for file in set_files(locked))
    return tuple(dict.fromkeys(found))


def missing(files: Iterable[Wanted], store: Store) -> tuple[Wanted, ...]:
    """Return the files that are not in the store, each once."""
    unique = {file.sha256: file for file in files}
    return tuple(file for file in unique.values() if not store.has_blob(file.sha256))


def fetch(
    files: Iterable[Wanted],
    store: Store,
    settings: Settings,
    progress: Callable[[Progress], None] = lambda _: None,
) -> FetchReport:
    """Bring files into the store, in parallel, each byte hashed while it is written.

    ``progress`` is called in the calling thread. Raises NetworkError (with every file that could
    not be had in ``detail``), and VerificationError when one is not what the lock says; what did
    come stays in the store. Offline, NetworkError says what is missing.
    """
    files = tuple(files)
    absent = missing(files, store)
    present = len({file.sha256 for file in files}) - len(absent)
    if not absent:
        return FetchReport(present=present)
    if settings.offline:
        raise NetworkError(
            f"{_count(absent)} that the lock names cannot be fetched: the network is off",
            hint="run `pipeline fetch` once without `--offline`",
            detail=tuple(f"{label(file)} ({file.size} bytes)" for file in absent),
        )
    _download_all(absent, store, settings, progress)
    return FetchReport(fetched=len(absent), size=sum(file.size for file in absent), present=present)


def label(file: Wanted) -> str:
    """Return a file's name for people: the last part of its path."""
    return file.path.rpartition("/")[2] if isinstance(file, DebianPackage) else file.name


def _count(files: Sequence[Wanted]) -> str:
    return f"`{label(files[0])}`" if len(files) == 1 else f"{len(files)} files"


class _Meter:
    """Counts bytes from several threads, and stops the downloads when told to."""

    def __init__(self, files: Sequence[Wanted], progress: Callable[[Progress], None]) -> None:
        import threading  # noqa: PLC0415  not on the path where all is there

        self.stopped = False
        self._lock = threading.Lock()
        self._files = len(files)
        self._bytes = sum(file.size for file in files)
        self._files_done = 0
        self._bytes_done = 0
        self._progress = progress

    def moved(self, count: int) -> None:
        from pipeline.locking.download import StoppedError  # noqa: PLC0415  as above

        if self.stopped:
            raise StoppedError
        with self._lock:
            self._bytes_done += count

    def finished(self) -> None:
        with self._lock:
            self._files_done += 1

    def tick(self) -> None:
        with self._lock:
            state = Progress(
                files_done=self._files_done,
                files=self._files,
                bytes_done=self._bytes_done,
                bytes=self._bytes,
            )
        self._progress(state)


def _download_all(
    files: Sequence[Wanted],
    store: Store,
    settings: Settings,
    progress: Callable[[Progress], None],
) -> None:
    from pipeline.locking.index import Index  # noqa: PLC0415  urllib and ssl, needed only now
    from pipeline.locking.transport import Client  # noqa: PLC0415
    from pipeline.locking.workers import gather  # noqa: PLC0415

    client = Client(settings)
    index = Index(client, settings)
    meter = _Meter(files, progress)
    mirrors = settings.mirrors() if any(isinstance(f, DebianPackage) for f in files) else ()

    def task(file: Wanted) -> Callable[[], None]:
        return lambda: _download(file, store, client, index, mirrors, meter)

    # The largest first: else the last minutes belong to one file.
    ordered = sorted(files, key=lambda file: -file.size)
    try:
        outcomes = gather([task(file) for file in ordered], jobs=settings.jobs, tick=meter.tick)
    finally:
        meter.stopped = True
    failed = [
        (file, outcome)
        for file, outcome in zip(ordered, outcomes, strict=True)
        if isinstance(outcome, Exception)
    ]
    if failed:
        raise _failure(failed)


def _download(
    file: Wanted,
    store: Store,
    client: Client,
    index: Index,
    mirrors: tuple[str, ...],
    meter: _Meter,
) -> None:
    from pipeline.locking.download import Goal, download  # noqa: PLC0415
    from pipeline.locking.transport import GoneError  # noqa: PLC0415

    goal = Goal(name=label(file), sha256=file.sha256, size=file.size)
    try:
        if isinstance(file, DebianPackage):
            addresses = tuple(f"{mirror}/{file.path}" for mirror in mirrors)
        else:
            addresses = index.addresses(file.name, file.sha256)
        download(client, addresses, goal, store, meter.moved)
    except GoneError as error:
        raise _gone(file) from error
    meter.finished()


def _gone(file: Wanted) -> NetworkError:
    if isinstance(file, DebianPackage):
        return NetworkError(
            f"`{file.name}` {file.version} for {file.architecture} is gone from the pool of every "
            "mirror: the archive drops superseded versions",
            hint="add a mirror that keeps them (a snapshot archive) to `mirrors:`, or run "
            "`pipeline lock` to take the present versions",
        )
    return NetworkError(
        f"no index has `{file.name}` with the locked sha256",
        hint="check pip's settings (`pip config list`); when the file was deleted, run "
        "`pipeline lock`",
    )


def _failure(failed: Sequence[tuple[Wanted, Exception]]) -> Exception:
    """Return one error for several: a bug as it is, else the gravest with all in its detail."""
    errors = [error for _, error in failed]
    expected = [error for error in errors if isinstance(error, PipelineError)]
    if len(expected) < len(errors):
        return next(error for error in errors if not isinstance(error, PipelineError))
    worst = min(expected, key=lambda error: not isinstance(error, VerificationError))
    if len(failed) == 1:
        return worst
    detail = tuple(_lines(failed))
    return type(worst)(worst.message, where=worst.where, hint=worst.hint, detail=detail)


def _lines(failed: Sequence[tuple[Wanted, Exception]]) -> Iterator[str]:
    yield f"{len(failed)} files could not be fetched:"
    for file, error in failed:
        yield f"{label(file)}: {error}"
