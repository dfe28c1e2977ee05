"""Fetching: exactly what the lock names goes into the store; the network ends here.

Nothing heavy is imported and no socket opened when all is there already, or when offline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from pipeline.console import human_size
from pipeline.downloads.directory import take as take_downloads
from pipeline.errors import NetworkError, PipelineError, VerificationError
from pipeline.images.archive import archive_of, take
from pipeline.lock.types import DebianPackage, ImageBlob, PythonFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.lock.types import Lock, LockedFile, LockedPlatform, RequirementSet
    from pipeline.locking.places import Places
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store


LISTED = 12
"""Files that are named one by one, missing or failed."""


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


def platform_files(platform: LockedPlatform) -> tuple[LockedFile, ...]:
    """Return what an image on one platform is made of, without the image it starts from."""
    base = platform.base.blobs if platform.base else ()
    return (*base, *platform.packages, *platform.wheels)


def set_files(locked: RequirementSet) -> tuple[PythonFile, ...]:
    """Return every file of a set."""
    return tuple(file for requirement in locked.requirements for file in requirement.files)


def everything(lock: Lock) -> tuple[LockedFile, ...]:
    """Return all that builds need of a lock: images, stages and sources, on every platform.

    Environments for people are not among it: they name files for every kind of machine, of which
    `pipeline.locking.select.host_files` chooses.
    """
    found: list[LockedFile] = list(lock.sources.values())
    for image in lock.images.values():
        found += (file for p in image.platforms.values() for file in platform_files(p))
    for stage in lock.stages.values():
        found += (file for locked in stage.sets.values() for file in set_files(locked))
    return tuple(dict.fromkeys(found))


def missing(files: Iterable[LockedFile], store: Store) -> tuple[LockedFile, ...]:
    """Return the files that are not in the store, each once."""
    unique = {file.sha256: file for file in files}
    return tuple(file for file in unique.values() if not store.has_blob(file.sha256))


def fetch(
    files: Iterable[LockedFile],
    store: Store,
    settings: Settings,
    progress: Callable[[Progress], None] = lambda _: None,
) -> FetchReport:
    """Bring files into the store, in parallel, each byte hashed while it is written.

    What is in an archive of the repository, or in its download cache, is taken from there, for
    which no network is needed.
    ``progress`` is called in the calling thread. Raises NetworkError (with every file that could
    not be had in ``detail``), and VerificationError when one is not what the lock says; what did
    come stays in the store. Offline, NetworkError says what is missing.
    """
    files = tuple(files)
    absent = _without_archives(missing(files, store), store, settings)
    absent = _without_downloads(absent, store, settings)
    present = len({file.sha256 for file in files}) - len(absent)
    if not absent:
        return FetchReport(present=present)
    if settings.offline:
        raise NetworkError(
            f"{_count(absent)} that the lock names cannot be fetched: the network is off",
            hint="run `pipeline fetch` once without `--offline`"
            + (", or `pipeline cache add --locked`" if settings.downloads else ""),
            detail=_listed(absent),
        )
    _download_all(absent, store, settings, progress)
    return FetchReport(fetched=len(absent), size=sum(file.size for file in absent), present=present)


def _listed(files: Sequence[LockedFile]) -> tuple[str, ...]:
    """Name files and their sizes; of many only the first ones, and what there is in all."""
    lines = [f"{label(file)} ({human_size(file.size)})" for file in files[:LISTED]]
    if len(files) > LISTED:
        total = human_size(sum(file.size for file in files))
        lines.append(f"and {len(files) - LISTED} more, {total} in all")
    return tuple(lines)


def _without_archives(
    files: tuple[LockedFile, ...], store: Store, settings: Settings
) -> tuple[LockedFile, ...]:
    """Take what lies in archives of the repository and return the rest."""
    local = [file for file in files if isinstance(file, ImageBlob) and archive_of(file)]
    take(settings.root, local, store)
    return tuple(file for file in files if file not in local)


def _without_downloads(
    files: tuple[LockedFile, ...], store: Store, settings: Settings
) -> tuple[LockedFile, ...]:
    """Take what lies in the download cache and return the rest.

    A branch is asked for what it has now only where something would have to be downloaded.
    """
    place = settings.downloads
    if not files or place is None:
        return files
    rest = take_downloads(place.directory, files, store)
    if rest and not settings.offline and place.refresh():
        rest = take_downloads(place.directory, rest, store)
    return rest


def label(file: LockedFile) -> str:
    """Return a file's name for people: the last part of its path, or image and digest."""
    match file:
        case DebianPackage():
            return file.path.rpartition("/")[2]
        case PythonFile():
            return file.name
        case ImageBlob():
            return f"{file.source.partition(' ')[2]}@{file.sha256[:12]}"
        case _:
            assert_never(file)


def _count(files: Sequence[LockedFile]) -> str:
    return f"`{label(files[0])}`" if len(files) == 1 else f"{len(files)} files"


class _Meter:
    """Counts bytes from several threads, and stops the downloads when told to."""

    def __init__(self, files: Sequence[LockedFile], progress: Callable[[Progress], None]) -> None:
        import threading  # noqa: PLC0415  not on the path where all is there

        self.stopped = False
        self._lock = threading.Lock()
        self._files = len(files)
        self._bytes = sum(file.size for file in files)
        self._files_done = 0
        self._bytes_done = 0
        self._progress = progress

    def moved(self, count: int) -> None:
        from pipeline.network.download import StoppedError  # noqa: PLC0415  as above

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
    files: Sequence[LockedFile],
    store: Store,
    settings: Settings,
    progress: Callable[[Progress], None],
) -> None:
    from pipeline.locking.places import Places  # noqa: PLC0415  urllib and ssl, needed only now
    from pipeline.network.workers import gather  # noqa: PLC0415

    places = Places(files, settings)
    meter = _Meter(files, progress)

    def task(file: LockedFile) -> Callable[[], None]:
        return lambda: _download(file, store, places, meter)

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


def _download(file: LockedFile, store: Store, places: Places, meter: _Meter) -> None:
    from pipeline.locking.places import gone  # noqa: PLC0415
    from pipeline.network.download import Goal, download  # noqa: PLC0415
    from pipeline.network.faults import GoneError  # noqa: PLC0415

    goal = Goal(name=label(file), sha256=file.sha256, size=file.size)
    try:
        client, addresses = places.of(file)
        download(client, addresses, goal, store, meter.moved)
    except GoneError as error:
        raise gone(file) from error
    meter.finished()


def _failure(failed: Sequence[tuple[LockedFile, Exception]]) -> Exception:
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


def _lines(failed: Sequence[tuple[LockedFile, Exception]]) -> Iterator[str]:
    yield f"{len(failed)} files could not be fetched:"
    for file, error in failed[:LISTED]:
        yield f"{label(file)}: {error}"
    if len(failed) > LISTED:
        yield f"and {len(failed) - LISTED} more"
