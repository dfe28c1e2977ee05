"""Python sets: from requirements to one wheel each, or to every wheel people could need."""

from __future__ import annotations

import re
import threading
from functools import partial
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from pipeline.errors import ConfigError, LockError, NetworkError
from pipeline.lock.types import LockedRequirement, PythonFile
from pipeline.locking import uv
from pipeline.locking.select import (
    best_wheel,
    darwin_environment,
    image_tags,
    linux_environment,
)
from pipeline.network.workers import gather
from pipeline.platforms import Workplace
from pipeline.wheels.metadata import excess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.tags import Tag

    from pipeline.locking.index import Index
    from pipeline.locking.settings import Settings

OLDEST_PYTHON = 11
NEWEST_PYTHON = 15
"""Minor versions of CPython 3 that markers are tried with; wheels for newer ones are kept too."""

PLATFORMS = {
    Workplace.LINUX_X86_64: re.compile(r"any|(?:manylinux\w*|linux)_x86_64"),
    Workplace.LINUX_ARM64: re.compile(r"any|(?:manylinux\w*|linux)_aarch64"),
    Workplace.MACOS_ARM64: re.compile(r"any|macosx_\w+_(?:arm64|universal2)"),
}
"""The platform tags of wheels that each platform can use."""

INTERPRETER = re.compile(r"cp3(\d+)")


class Resolver:
    """Resolves sets.

    The same request is asked once: stages of a large repository have much in common. Nor is an
    index asked again for a size that is ``known`` from an earlier lock.
    """

    def __init__(self, settings: Settings, index: Index, known: Iterable[PythonFile]) -> None:
        uv.program()  # before any thread
        self._settings = settings
        self._index = index
        self._known = {file.sha256: file.size for file in known}
        self._done: dict[uv.Request, tuple[LockedRequirement, ...]] = {}
        self._found: dict[uv.Request, tuple[uv.Package, ...]] = {}
        self._reaching = threading.Lock()
        self._reached = False

    def for_image(self, request: uv.Request) -> tuple[LockedRequirement, ...]:
        """Return one wheel for each package, the best for the request's interpreter and platform.

        Raises LockError where a package has none.
        """
        if request not in self._done:
            self._done[request] = self._for_image(request)
        return self._done[request]

    def _for_image(self, request: uv.Request) -> tuple[LockedRequirement, ...]:
        if request.target is None:
            raise ValueError(request)
        ranks = image_tags(request.python, request.glibc, request.target.machine)
        packages = self._ask(request)
        return self._locked([(p, [_best(p, ranks, request)]) for p in packages])

    def universal(self, request: uv.Request) -> tuple[uv.Package, ...]:
        """Return what uv chooses for every platform; LockError where it finds nothing."""
        if request not in self._found:
            self._found[request] = self._ask(request)
        return self._found[request]

    def _ask(self, request: uv.Request) -> tuple[uv.Package, ...]:
        try:
            with self._reaching:
                if request.requirements and not self._reached:
                    self._index.reach()
                    self._reached = True
        except NetworkError as error:
            raise NetworkError(
                f"{request.label} cannot be resolved: the package index cannot be asked",
                where=request.where,
                hint=error.hint,
                detail=(error.message,),
            ) from error
        return uv.resolve(request, self._settings)

    def for_people(
        self, request: uv.Request, platforms: Sequence[Workplace] = tuple(Workplace)
    ) -> tuple[LockedRequirement, ...]:
        """Return every package these platforms could need, each with all its wheels for them.

        The interpreters are CPython from the request's version on. Raises LockError where a
        package that a platform needs has no wheel for it.
        """
        oldest = int(request.python.partition(".")[2])
        machines = {place: _machines(place, oldest) for place in platforms}
        chosen = []
        for package in self.universal(request):
            needing = [place for place in platforms if _applies(package, machines[place])]
            wheels = []
            for place in needing:
                fitting = [f for f in package.wheels if supported(f.name, oldest, (place,))]
                if not fitting:
                    raise _no_wheel_there(package, request, place)
                wheels += [file for file in fitting if file not in wheels]
            if wheels:
                chosen.append((package, wheels))
        return self._locked(chosen)

    def _locked(
        self, chosen: Sequence[tuple[uv.Package, list[uv.File]]]
    ) -> tuple[LockedRequirement, ...]:
        self._learn([file for _, files in chosen for file in files])
        locked = [
            LockedRequirement(
                name=canonicalize_name(package.name),
                version=package.version,
                marker=package.marker,
                files=tuple(
                    PythonFile(name=file.name, sha256=file.sha256, size=self._known[file.sha256])
                    for file in sorted(files, key=lambda file: file.name)
                ),
            )
            for package, files in chosen
        ]
        return tuple(sorted(locked, key=lambda r: (r.name, r.version, r.marker)))

    def _learn(self, files: Sequence[uv.File]) -> None:
        self._known |= {file.sha256: file.size for file in files if file.size}
        unknown = [file for file in files if file.sha256 not in self._known]

        tasks = [partial(self._index.size, file.name, file.sha256) for file in unknown]
        sizes = gather(tasks, jobs=self._settings.jobs)
        for file, size in zip(unknown, sizes, strict=True):
            if isinstance(size, Exception):
                raise size
            self._known[file.sha256] = size


def _best(package: uv.Package, ranks: Mapping[Tag, int], request: uv.Request) -> uv.File:
    files = {file.name: file for file in package.wheels}
    rows = [PythonFile(name=f.name, sha256=f.sha256, size=f.size) for f in package.wheels]
    best = best_wheel(rows, ranks)
    if best is None:
        raise _no_wheel(package, request)
    return files[best.name]


def _no_wheel(package: uv.Package, request: uv.Request) -> LockError:
    return LockError(
        f"{request.label} needs `{package.name}` {package.version}, which has no wheel that fits "
        f"CPython {request.python}",
        where=request.where,
        hint="ask for a version that has one",
    )


def _no_wheel_there(package: uv.Package, request: uv.Request, place: Workplace) -> LockError:
    return LockError(
        f"{request.label} needs `{package.name}` {package.version} on {place.value}, for which it "
        "has no wheel",
        where=request.where,
        hint="ask for a version that has one, give the requirement a marker, or list `platforms` "
        "without this one",
    )


def _machines(place: Workplace, oldest: int) -> list[dict[str, str]]:
    """Return what markers see on a platform, by each interpreter."""
    versions = [f"3.{minor}" for minor in range(oldest, max(oldest, NEWEST_PYTHON) + 1)]
    if place is Workplace.MACOS_ARM64:
        return [darwin_environment(version) for version in versions]
    return [linux_environment(version, place.machine) for version in versions]


def _applies(package: uv.Package, machines: Iterable[Mapping[str, str]]) -> bool:
    if not package.marker:
        return True
    marker = Marker(package.marker)
    return any(marker.evaluate(dict(machine)) for machine in machines)


def supported(name: str, oldest: int, platforms: Sequence[Workplace] = tuple(Workplace)) -> bool:
    """Return whether one of the platforms could use a wheel; ``oldest`` is a minor version."""
    _, _, _, tags = parse_wheel_filename(name)
    return any(
        _runs_on(tag.interpreter, tag.abi, oldest)
        and any(PLATFORMS[place].fullmatch(tag.platform) for place in platforms)
        for tag in tags
    )


def _runs_on(interpreter: str, abi: str, oldest: int) -> bool:
    if interpreter == "py3" or (interpreter.startswith("py3") and abi == "none"):
        return True
    match = INTERPRETER.fullmatch(interpreter)
    if match is None:
        return False
    return abi == "abi3" or (int(match[1]) >= oldest and abi in {interpreter, "none"})


def oldest_python(requires_python: str, where: str) -> str:
    """Return the oldest CPython that ``requires-python`` admits and we support, as ``3.11``.

    Raises ConfigError when it is malformed or admits none.
    """
    if reason := excess(requires_python):
        raise ConfigError(f"`requires-python` is malformed: {reason}", where=where)
    try:
        wanted = SpecifierSet(requires_python)
    except InvalidSpecifier as error:
        raise ConfigError(f"`requires-python` is malformed: {error}", where=where) from error
    for minor in range(OLDEST_PYTHON, 100):
        # `>=3.11.4` admits 3.11 as well, if not its first release.
        if any(f"3.{minor}.{patch}" in wanted for patch in (0, 99)):
            return f"3.{minor}"
    raise ConfigError(
        f"`requires-python` admits no CPython from 3.{OLDEST_PYTHON} on: `{requires_python}`",
        where=where,
    )
