"""Which files of a release a project needs, to be added to its download cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from pipeline.downloads.names import release_of
from pipeline.errors import LockError
from pipeline.lock.types import PythonFile
from pipeline.locking import uv
from pipeline.locking.bases import third_party_sources
from pipeline.locking.constraints import Constraints
from pipeline.locking.credentials import pip_client
from pipeline.locking.index import Index
from pipeline.locking.python import OLDEST_PYTHON, supported
from pipeline.locking.select import best_wheel, image_tags
from pipeline.platforms import Target
from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import Lock
    from pipeline.locking.index import Link
    from pipeline.locking.settings import Settings


def release(
    name: str, version: str, pipeline: Pipeline, lock: Lock | None, settings: Settings
) -> tuple[PythonFile, ...]:
    """Return the files of a release that the locked platforms need, as the indexes have them.

    For each image its best wheel; with environments for people, or before there is a lock, every
    wheel one of them could use; and the sdist where a stage builds from it or no wheel fits. Raises
    LockError when there is none, NetworkError.
    """
    settings = settings.without_downloads()
    index = Index(pip_client(settings), settings)
    links = [link for link in index.links(name) if _is(link, name, version)]
    wheels = _wheels([_file(link, 0) for link in links], pipeline, lock)
    if not wheels or _is_source(name, version, pipeline):
        wheels += [link.name for link in links if link.name.endswith(".tar.gz")]
    if not wheels:
        raise LockError(
            f"no index has a file of `{name}=={version}` that a locked platform could use",
            hint="check the name and the version, and pip's settings (`pip config list`)",
        )
    chosen = {link.name: link for link in reversed(links) if link.name in wheels}
    return tuple(
        _file(link, link.size or index.size(link.name, link.sha256))
        for _, link in sorted(chosen.items())
    )


def newest(name: str, pipeline: Pipeline, lock: Lock, settings: Settings) -> tuple[str, ...]:
    """Return the version that each image's Python would be given today, sorted.

    Raises LockError when there is none, or the lock has no image with Python; NetworkError.
    """
    settings = settings.without_downloads()
    constraints = Constraints.read(settings, pip_client(settings))
    found = set()
    for python, glibc, target in _interpreters(lock):
        request = uv.Request(
            requirements=(name,),
            python=python,
            target=target,
            glibc=glibc,
            constraints=constraints.installs,
            label=f"`{name}`",
            where=pipeline.where("project", "download-cache"),
        )
        packages = uv.resolve(request, settings)
        found |= {package.version for package in packages if normal(package.name) == name}
    if not found:
        raise LockError(
            f"no image of the lock has a Python that `{name}` could be for",
            hint="name the version: `pipeline cache add NAME==VERSION`",
        )
    return tuple(sorted(found, key=Version))


def _interpreters(lock: Lock) -> Iterator[tuple[str, str, Target]]:
    platforms = [
        (locked.python, locked.glibc, Target.of_platform(platform))
        for image in lock.images.values()
        for platform, locked in image.platforms.items()
        if locked.python and locked.glibc
    ]
    yield from dict.fromkeys(platforms)


def _wheels(files: Sequence[PythonFile], pipeline: Pipeline, lock: Lock | None) -> list[str]:
    wheels = [file for file in files if file.is_wheel and _is_wheel_name(file.name)]
    best = [
        best_wheel(wheels, image_tags(python, glibc, target.machine))
        for python, glibc, target in (_interpreters(lock) if lock else ())
    ]
    found = [file.name for file in best if file]
    if pipeline.environments or lock is None or pipeline.images.keys() - lock.images.keys():
        found += [file.name for file in wheels if supported(file.name, OLDEST_PYTHON)]
    return found


def _is_wheel_name(name: str) -> bool:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return True


def _is(link: Link, name: str, version: str) -> bool:
    found = release_of(link.name)
    return found is not None and found[0] == name and Version(found[1]) == Version(version)


def _is_source(name: str, version: str, pipeline: Pipeline) -> bool:
    return any(
        normal(source.partition("==")[0]) == name
        and Version(source.partition("==")[2]) == Version(version)
        for source in third_party_sources(pipeline)
    )


def _file(link: Link, size: int) -> PythonFile:
    if size and not link.sha256:
        raise LockError(
            f"the index gives no sha256 for `{link.name}`, so nobody could tell what comes",
            hint="use an index that does, or add the file itself: `pipeline cache add FILE`",
        )
    return PythonFile(name=link.name, sha256=link.sha256, size=size)
