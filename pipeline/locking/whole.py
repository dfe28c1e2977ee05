"""All that a lock names, for every platform or for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from pipeline.images.archive import archive_of
from pipeline.lock.types import ImageBlob, PythonFile
from pipeline.locking.fetch import platform_files, set_files
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pipeline.lock.types import Lock, LockedFile


def whole(lock: Lock, targets: Collection[Target] | None = None) -> tuple[LockedFile, ...]:
    """Return every file that builds and environments need, each once, by name.

    With ``targets`` only what is for these. What lies in archives of the repository is left out:
    whoever has the lock has them.
    """
    found = {file.sha256: file for file in _files(lock, targets)}
    return tuple(file for _, file in sorted(found.items()))


def locked_targets(lock: Lock) -> tuple[Target, ...]:
    """Return the platforms that a lock's images are for."""
    platforms = {platform for image in lock.images.values() for platform in image.platforms}
    return tuple(target for target in Target if target.platform in platforms)


def _files(lock: Lock, targets: Collection[Target] | None) -> Iterator[LockedFile]:
    yield from lock.sources.values()
    for image in lock.images.values():
        for platform, locked in image.platforms.items():
            if targets is None or Target.of_platform(platform) in targets:
                yield from (file for file in platform_files(locked) if not _in_archive(file))
    for stage in lock.stages.values():
        for locked_set in stage.sets.values():
            yield from fitting(set_files(locked_set), targets)
    for locked_set in lock.environments.values():
        yield from fitting(set_files(locked_set), targets)


def fitting(
    files: Iterable[PythonFile], targets: Collection[Target] | None
) -> Iterator[PythonFile]:
    """Yield the wheels that one of the platforms could use, going by their tags, and all sdists."""
    ends = None if targets is None else tuple(f"_{target.machine}" for target in targets)
    for file in files:
        if ends is None or not file.is_wheel or _fits(file.name, ends):
            yield file


def _fits(name: str, ends: tuple[str, ...]) -> bool:
    _, _, _, tags = parse_wheel_filename(name)
    return any(
        tag.platform == "any" or ("linux" in tag.platform and tag.platform.endswith(ends))
        for tag in tags
    )


def _in_archive(file: LockedFile) -> bool:
    return isinstance(file, ImageBlob) and bool(archive_of(file))
