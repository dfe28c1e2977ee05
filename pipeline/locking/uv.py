"""uv as a program: requirements in, a ``pylock.toml`` (PEP 751) out.

uv has no library; its resolver is the only universal one. Nothing of a third party runs on the
host: sdists are never built (``--no-build``), so only static metadata counts. uv's own settings
are left out, pip's are handed over, so that two machines with one index resolve alike.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import tomllib
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement
from uv import find_uv_bin

from pipeline import process
from pipeline.errors import LockError, NetworkError
from pipeline.locking.explain import naming, trimmed
from pipeline.wheels.metadata import parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.locking.constraints import Constraint
    from pipeline.locking.settings import Settings
    from pipeline.platforms import Target

ONLY_WHEELS = (
    "only wheels are installed: choose a version that has one, or build it as a stage whose "
    "`source` is its sdist and put the wheel in a `find-links` directory"
)
NEWEST_GLIBC_MINOR = 40
OLDEST_GLIBC_MINOR = 31
"""The range of ``manylinux_2_N`` that uv knows without gaps."""

CONSTRAINTS = "constraints.txt"
EXCLUDES = "excludes.txt"
OVERRIDES = "overrides.txt"
TIMEOUT_SECONDS = 600.0
ABSENT_WORDS = ("(404 Not Found)", "(410 Gone)")
NETWORK_WORDS = (
    "Failed to fetch",
    "Request failed",
    "error sending request",
    "Network connectivity",
)
KEPT_VARIABLES = (
    "ALL_PROXY", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NETRC", "NO_PROXY", "PATH",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "XDG_CACHE_HOME", "all_proxy", "http_proxy",
    "https_proxy", "no_proxy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to resolve.

    ``python`` is like ``3.11``: the interpreter of ``target``, or the oldest one of a resolution
    for every platform when ``target`` is None. ``pins`` are versions to prefer, except for the
    names in ``moving``. No index is asked for the names in ``excluded``, wherever in the closure
    something requires them: what they stand for is built here. ``constraints`` are those of this
    machine and of the projects, ``overrides`` requirements that stand in place of all others on
    their packages. ``label`` and ``where`` are for messages and do not count for equality.
    """

    requirements: tuple[str, ...]
    python: str
    target: Target | None = None
    glibc: str = ""
    pins: tuple[tuple[str, str], ...] = ()
    moving: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    constraints: tuple[Constraint, ...] = ()
    overrides: tuple[str, ...] = ()
    label: str = field(default="", compare=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class File:
    """A wheel that uv found; ``size`` in bytes, 0 where the index does not tell."""

    name: str
    sha256: str
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that uv chose, with the wheels the request could use."""

    name: str
    version: str
    marker: str
    wheels: tuple[File, ...]


def resolve(request: Request, settings: Settings) -> tuple[Package, ...]:
    """Ask uv; LockError with its explanation when there is no answer, NetworkError."""
    if not request.requirements:
        return ()
    _require_names(request)
    with tempfile.TemporaryDirectory(prefix="pipeline-lock-") as name:
        directory = Path(name)
        (directory / "requirements.in").write_text("\n".join(request.requirements) + "\n")
        (directory / EXCLUDES).write_text("\n".join(sorted(request.excluded)))
        constraints = "\n".join(constraint.text for constraint in request.constraints)
        (directory / CONSTRAINTS).write_text(constraints)
        (directory / OVERRIDES).write_text("\n".join(request.overrides))
        output = directory / "pylock.toml"
        if pins := _preferred(request, settings):
            output.write_text(_previous(pins))
        completed = process.run(
            command(request, directory, settings),
            env=environment(settings),
            cwd=directory,
            timeout=TIMEOUT_SECONDS,
        )
        if completed.status:
            raise _failure(request, completed.stderr)
        return parse(output.read_text(), request)


@functools.cache
def program() -> str:
    """Return where uv is.

    To be called before threads are started: it makes `sysconfig` collect its variables, and before
    Python 3.12 another thread that asks for one meanwhile finds that collection half filled.
    """
    return find_uv_bin()


def _require_names(request: Request) -> None:
    """Raise LockError for what is no requirement, which uv could take for a flag, or an address.

    Requirements are also what backends and metadata of third parties say.
    """
    for text in (*request.requirements, *request.overrides):
        try:
            found = parse_requirement(text)
        except InvalidRequirement as error:
            raise LockError(
                f"{request.label} asks for something that is no requirement",
                where=request.where,
                hint="write it as PEP 508 has it, such as `numpy>=2`",
                detail=tuple(str(error).splitlines()),
            ) from error
        if found.url:
            raise LockError(
                f"{request.label} asks for `{found.name}` at an address, and only what an index "
                "has can be locked",
                where=request.where,
                hint="ask for a version of it; what no index has can be put into the download "
                "cache",
            )


def _preferred(request: Request, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the versions to prefer: those of forks in the download cache, then the old ones."""
    return tuple((dict(request.pins) | settings.forks).items())


def command(request: Request, directory: Path, settings: Settings) -> list[str]:
    """Return uv's command line for a request whose files lie in ``directory``.

    What is in the project's download cache is a candidate beside what indexes have; offline, or
    where pip is told ``no-index``, there is nothing else but pip's ``find-links``.
    """
    words = [program(), "pip", "compile", str(directory / "requirements.in")]
    words += ["--format", "pylock.toml", "--output-file", str(directory / "pylock.toml")]
    words += ["--no-config", "--no-build", "--no-header", "--no-progress", "--quiet"]
    words += ["--color", "never", "--no-python-downloads", "--python", sys.executable]
    words += ["--python-version", request.python]
    if request.target is None:
        words += ["--universal"]
    else:
        words += ["--python-platform", _platform(request.target, request.glibc)]
    if request.constraints:
        words += ["--constraints", str(directory / CONSTRAINTS)]
    if request.overrides:
        words += ["--overrides", str(directory / OVERRIDES)]
    if request.excluded:
        words += ["--excludes", str(directory / EXCLUDES)]
    for name in sorted(request.moving - settings.forks.keys()):
        words += ["--upgrade-package", name]
    if settings.downloads and settings.downloads.directory.path.is_dir():
        words += ["--find-links", str(settings.downloads.directory.path.absolute())]
    if settings.newest:
        words += ["--exclude-newer", settings.newest]
    if settings.offline or settings.pip.no_index:
        words += ["--no-index"]
    return words


def _platform(target: Target, glibc: str) -> str:
    minor = int(glibc.partition(".")[2] or 17)
    if minor < OLDEST_GLIBC_MINOR:
        minor = 28 if minor >= 28 else 17
    return f"{target.machine}-manylinux_2_{min(minor, NEWEST_GLIBC_MINOR)}"


def environment(settings: Settings) -> dict[str, str]:
    """Return uv's environment: the machine's proxies and certificates, pip's indexes."""
    environ = settings.environ
    kept = {name: environ[name] for name in KEPT_VARIABLES if environ.get(name)}
    offline = {"UV_OFFLINE": "1"} if settings.offline else {}
    return {**kept, **settings.pip.uv_environment(), **offline}


def _previous(pins: Iterable[tuple[str, str]]) -> str:
    """Return a lock that says nothing but versions: uv prefers what its output file held."""
    lines = ['lock-version = "1.0"', 'created-by = "pipeline"']
    for name, version in pins:
        lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"']
    return "\n".join(lines) + "\n"


def parse(text: str, request: Request) -> tuple[Package, ...]:
    """Return the packages of a ``pylock.toml``; LockError for those that have no wheel."""
    document = tomllib.loads(text)
    return tuple(_package(row, request) for row in document.get("packages", []))


def _package(row: Mapping[str, object], request: Request) -> Package:
    name, version = str(row["name"]), str(row.get("version", ""))
    wheels = row.get("wheels")
    if not isinstance(wheels, list) or not version:
        raise LockError(
            f"{request.label} needs `{name}` {version}".rstrip() + ", which has no wheel on an "
            "index that fits",
            where=request.where,
            hint=ONLY_WHEELS,
        )
    return Package(
        name=name,
        version=version,
        marker=str(row.get("marker", "")),
        wheels=tuple(sorted(_files(wheels, request), key=lambda file: file.name)),
    )


def _files(rows: list[Mapping[str, object]], request: Request) -> Iterator[File]:
    for row in rows:
        url = str(row.get("url") or row.get("path") or "")
        path = urllib.parse.urlsplit(url).path.rpartition("/")[2]
        name = str(row.get("name") or urllib.parse.unquote(path))
        hashes = row.get("hashes")
        sha256 = hashes.get("sha256", "") if isinstance(hashes, dict) else ""
        if not sha256:
            raise LockError(
                f"{request.label} needs `{name}`, for which the index gives no sha256",
                where=request.where,
                hint="use an index that does",
            )
        size = row.get("size")
        yield File(name=name, sha256=sha256, size=size if isinstance(size, int) else 0)


def _failure(request: Request, stderr: str) -> LockError | NetworkError:
    detail = trimmed(stderr)
    said = "\n".join(detail)
    if any(word in said for word in ABSENT_WORDS):
        return NetworkError(
            f"{request.label} cannot be resolved: the package index names a file that it does not "
            "have",
            where=request.where,
            hint="leave that version out of the requirements (`!=`), or have the index mended",
            detail=detail,
        )
    if any(word in said for word in NETWORK_WORDS):
        return NetworkError(
            f"{request.label} cannot be resolved: the package index cannot be asked",
            where=request.where,
            hint="check the network and pip's settings (`pip config list`)",
            detail=detail,
        )
    named = naming(detail)
    constrained = [one for one in request.constraints if named(one.text)]
    if constrained:
        return LockError(
            f"{request.label} cannot be resolved under its constraints",
            where=request.where,
            hint="change the requirements or the constraints",
            detail=(*detail, *(f"{one.where}: {one.text}" for one in constrained)),
        )
    together = "change the requirements, so that one set of wheels answers them all"
    return LockError(
        f"{request.label} cannot be resolved",
        where=request.where,
        hint=ONLY_WHEELS if "no usable wheels" in said else together,
        detail=detail,
    )
