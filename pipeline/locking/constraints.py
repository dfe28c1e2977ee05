"""Constraints that the machine sets for pip and uv: versions that may be chosen, if a package is.

``constraint`` of pip's settings (``PIP_CONSTRAINT``) and ``UV_CONSTRAINT`` hold for what is
installed, ``build-constraint`` and ``UV_BUILD_CONSTRAINT`` for what builds, as both tools take
them. A lock that was resolved under some says so, since the next machine may not have them.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipeline.errors import NetworkError, UsageError
from pipeline.files import sha256_bytes
from pipeline.network.addresses import local_path, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.lock.types import Declared
    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client
    from pipeline.project.pyproject import Project

WORD = "constraints"
"""The word of a declaration for what a set was resolved under."""

COMMENT = re.compile(r"(^|\s+)#.*$")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
OPTION = re.compile(r"(-c|--constraint|-r|--requirement)(?:\s+|=|(?<=-[cr]))(\S.*)")


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """One line: a requirement that holds if something else asks for its package."""

    name: str
    text: str
    where: str = field(default="", compare=False)


Lines = tuple[Constraint, ...]


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What this machine sets: ``installs`` for what is installed, ``builds`` for what builds."""

    installs: Lines = ()
    builds: Lines = ()
    files: tuple[str, ...] = ()

    @classmethod
    def read(cls, settings: Settings, client: Client) -> Constraints:
        """Read the files that the settings name.

        Raises UsageError for one that cannot be read, or a line that cannot be kept to;
        NetworkError.
        """
        reader = _Reader(settings=settings, client=client)
        environ, pip = settings.environ, settings.pip
        installs = _places("constraint", pip.constraints, environ.get("UV_CONSTRAINT", ""))
        builds = _places(
            "build-constraint", pip.build_constraints, environ.get("UV_BUILD_CONSTRAINT", "")
        )
        return cls(
            installs=tuple(one for place, by in installs for one in reader.file(place, by)),
            builds=tuple(one for place, by in builds for one in reader.file(place, by)),
            files=tuple(f"`{shown(place)}` ({by})" for place, by in (*installs, *builds)),
        )


def _places(name: str, pip: tuple[str, ...], uv: str) -> list[tuple[str, str]]:
    """Return files and addresses, each with what names it."""
    variable = f"UV_{name.upper().replace('-', '_')}"
    return [
        *((place, f"pip's setting `{name}`") for place in pip),
        *((place, f"`{variable}`") for place in uv.split()),
    ]


def of_projects(projects: Iterable[Project], key: str) -> Lines:
    """Return the constraints that the settings of uv in some projects' files name."""
    rows = ((row, one.where) for one in projects for row in one.sources.limits.get(key, ()))
    return tuple(dict.fromkeys(_constraint(row, where) for row, where in rows))


def recorded(lines: Lines, names: Iterable[str]) -> list[str]:
    """Return what a set of packages says of the constraints it was resolved under.

    Those on its own packages stand there. Others may have kept a package out of it, so that all are
    counted and hashed.
    """
    if not lines:
        return []
    texts = sorted({line.text for line in lines})
    digest = sha256_bytes("\n".join(texts).encode())[:16]
    wanted = {*names}
    own = {line.text for line in lines if line.name in wanted}
    return sorted({f"{len(texts)} in all, sha256 {digest}", *own})


def kept(lines: Lines, declared: Declared, names: Iterable[str]) -> bool:
    """Whether a set may stay as it is under constraints; without any it always may."""
    return not lines or declared.get(WORD, []) == recorded(lines, names)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    settings: Settings
    client: Client
    reading: tuple[str, ...] = ()

    def file(self, place: str, setting: str) -> Iterator[Constraint]:
        """Yield the constraints of a file or address; ``setting`` names it."""
        text = self._text(place, setting)
        for number, line in _lines(text, self.settings.environ):
            where = f"{shown(place)}:{number}"
            if option := OPTION.fullmatch(line):
                yield from self._named(place, option[2].strip("'\""), where)
            elif line:
                yield _constraint(line, where)

    def _named(self, place: str, other: str, where: str) -> Iterator[Constraint]:
        """Yield the constraints of a file that another one names, relative to itself."""
        local = local_path(place)
        if local and local_path(other):
            found = str(local.parent / other)
        else:
            found = urllib.parse.urljoin(place, other)
        if found in self.reading or found == place:
            raise UsageError(f"the constraints in `{shown(found)}` name themselves", where=where)
        inner = _Reader(settings=self.settings, client=self.client, reading=(*self.reading, place))
        yield from inner.file(found, where)

    def _text(self, place: str, setting: str) -> str:
        local = local_path(place)
        if local is None:
            if self.settings.offline:
                raise NetworkError(
                    f"the constraints at `{shown(place)}` cannot be read: the network is off",
                    hint=f"keep them in a file, or unset {setting}",
                )
            return self.client.get(place).data.decode(errors="replace")
        try:
            return local.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UsageError(
                f"the constraints in `{place}` cannot be read: {reason}",
                hint=f"{setting} names that file",
            ) from error


def _lines(text: str, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the logical lines of a requirements file as pip reads it, each with its number."""
    started, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        started = started if whole else number
        if line.endswith("\\") and not COMMENT.match(line):
            whole += line.removesuffix("\\") + " "
            continue
        logical = COMMENT.sub("", whole + line).strip()
        yield started, VARIABLE.sub(lambda match: environ.get(match[1], match[0]), logical)
        whole = ""
    if whole:
        yield started, COMMENT.sub("", whole).strip()


def _constraint(line: str, where: str) -> Constraint:
    try:
        found = Requirement(line)
    except InvalidRequirement as error:
        raise _refused(line, where, "is no requirement") from error
    if found.url:
        raise _refused(line, where, "names an address, and only what an index has can be locked")
    if found.extras:
        raise _refused(line, where, "has extras, which constrain nothing")
    return Constraint(name=canonicalize_name(found.name), text=str(found), where=where)


def _refused(line: str, where: str, why: str) -> UsageError:
    return UsageError(
        f"the constraint `{line}` {why}",
        where=where,
        hint="write versions as PEP 508 has them, such as `numpy<2`; hashes and other options of "
        "pip are not read here, as the lock has the sha256 of every file",
    )
