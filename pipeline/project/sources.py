"""Where a project says that its requirements come from, beside their names and versions.

`[tool.uv.sources]`, tables of `[tool.poetry.dependencies]` and addresses in requirements (PEP 508)
take a package from another place than the index. What names a project of this repository means the
same here and is followed. An index has to be one that pip's settings name, which is looked at when
locking. Everything else is refused: otherwise another package than the one meant would be locked.

What ``[tool.uv]`` limits, overrides and excludes holds here as well; what else such tables say of
indexes and of how versions are chosen is named as not followed.

Sources: <https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources>,
<https://python-poetry.org/docs/dependency-specification/>
"""

from __future__ import annotations

import re
import tomllib
import urllib.parse
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE = "pyproject.toml"
ELSEWHERE = (
    "require a version that an index has, or add a wheel of it to the download cache "
    "(`pipeline cache add FILE`)"
)
CONSTRAINTS, BUILD_CONSTRAINTS, OVERRIDES, EXCLUDES = LIMITS = (
    "constraint-dependencies",
    "build-constraint-dependencies",
    "override-dependencies",
    "exclude-dependencies",
)
"""The keys of ``[tool.uv]`` that say which versions may be chosen."""

UNREAD: Mapping[str, tuple[str, ...]] = {
    "uv": (
        "index-url", "extra-index-url", "find-links", "no-index", "index-strategy", "exclude-newer",
        "exclude-newer-package", "resolution", "prerelease", "dependency-metadata", "pip",
    ),
    "pdm": ("resolution",),
}  # fmt: skip
"""Keys by the table below ``[tool]`` that change what those tools lock, and that are not read."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)", re.DOTALL)
_ROOT = re.compile(r"\{root(?::uri)?\}")


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index that a package is to come from: its name and address in ``pyproject.toml``."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources of a project's requirements, by the normal name of the package.

    ``limits`` has what its ``LIMITS`` say, ``unread`` what it sets that is not followed here, and
    ``general`` the indexes it names for all packages. ``refused`` has what cannot be followed,
    ``local`` the projects of the repository. ``place`` is the project's directory in the repository
    at ``root``.
    """

    refused: Mapping[str, ConfigError] = field(default_factory=dict)
    indexes: Mapping[str, Index] = field(default_factory=dict)
    local: frozenset[str] = frozenset()
    root: Path | None = None
    place: Path | None = None
    where: str = ""
    limits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    general: tuple[Index, ...] = ()

    def followed(self, requirements: Iterable[str]) -> tuple[str, ...]:
        """Return requirements without addresses of projects of this repository.

        Raises ConfigError for one whose source cannot be followed.
        """
        return tuple(self._followed(requirement) for requirement in requirements)

    def _followed(self, requirement: str) -> str:
        match = _REQUIREMENT.match(requirement)
        here = self.place
        if match is None or self.root is None or here is None:
            return requirement
        name, extras, rest = match[1], match[2] or "", match[3]
        if refused := self.refused.get(canonicalize_name(name)):
            raise refused
        if not rest.startswith("@"):
            return requirement
        address, _, marker = rest[1:].strip().partition(" ;")
        plain = f"{name}{extras}" + (f" ; {marker.strip()}" if marker else "")
        if canonicalize_name(name) in self.local:
            return plain
        address = _ROOT.sub(lambda _: here.as_uri(), address.strip())
        scheme, _, path, *_ = urllib.parse.urlsplit(address)
        if scheme != "file":
            return requirement
        found = Path(urllib.parse.unquote(path))
        if problem := _problem(found, canonicalize_name(name), self.root):
            raise ConfigError(
                f"`{name}` is to come from `{address}`, {problem}", where=self.where, hint=ELSEWHERE
            )
        return plain

    def asked(self, requirements: Iterable[str]) -> dict[str, Index]:
        """Return the indexes that requirements are to come from, by the name of the package."""
        names = {match[1] for one in requirements if (match := _REQUIREMENT.match(one))}
        wanted = {canonicalize_name(name) for name in names}
        return {name: index for name, index in self.indexes.items() if name in wanted}


def read(tool: Mapping[str, object], root: Path, place: Path, where: str) -> Sources:
    """Return the sources that the tables of a project in ``place`` name."""
    refused: dict[str, ConfigError] = {}
    indexes: dict[str, Index] = {}
    local: set[str] = set()
    rows = [*_uv(tool, root, place, where), *_poetry(tool, place, where)]
    for one in rows:
        name = canonicalize_name(one.name)
        for told in one.told if isinstance(one.told, list) else [one.told]:
            index = told.get("index", told.get("source")) if isinstance(told, dict) else None
            if isinstance(index, str):
                indexes[name] = Index(name=index, address=one.indexes.get(index, ""))
            elif problem := _why_not(told, one, root):
                message = f"`{one.key}` takes `{one.name}` {problem}"
                refused[name] = ConfigError(message, where=one.where, hint=ELSEWHERE)
            else:
                local.add(name)
    return Sources(
        refused=refused,
        indexes=indexes,
        local=frozenset(local),
        root=root,
        place=place,
        where=where,
        limits=_limits(tool, root, place, where),
        unread=tuple(_unread(tool)),
        general=tuple(_general(tool)),
    )


def _limits(
    tool: Mapping[str, object], root: Path, place: Path, where: str
) -> dict[str, tuple[str, ...]]:
    """Return what uv limits, which it reads at the top of a workspace alone."""
    top, above = _workspace(root, place)
    settings, file = (above, _relative(top, root)) if above else (table_of(tool.get("uv")), where)
    found: dict[str, tuple[str, ...]] = {}
    for key in LIMITS:
        rows = settings.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise ConfigError(f"`tool.uv.{key}` must be a list of texts", where=file)
        if rows:
            found[key] = tuple(" ".join(row.split()) for row in rows)
    return found


def _unread(tool: Mapping[str, object]) -> Iterator[str]:
    for name, keys in UNREAD.items():
        for key in keys:
            if table_of(tool.get(name)).get(key):
                yield f"tool.{name}.{key}"


def _general(tool: Mapping[str, object]) -> Iterator[Index]:
    """Yield the indexes that are asked for every package: not those for single ones."""
    for table, key in (("uv", "index"), ("poetry", "source"), ("pdm", "source")):
        rows = table_of(tool.get(table)).get(key)
        for row in rows if isinstance(rows, list) else []:
            told = table_of(row)
            single = told.get("explicit") is True or told.get("priority") == "explicit"
            if told.get("url") and not single:
                yield Index(name=f"[[tool.{table}.{key}]]", address=str(told["url"]))


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What a table says of one package; ``place`` is the directory that paths start from."""

    name: str
    told: object
    key: str
    where: str
    place: Path
    indexes: Mapping[str, str]


def _uv(tool: Mapping[str, object], root: Path, place: Path, where: str) -> Iterator[_Row]:
    """Yield uv's sources: those of a workspace hold for its members, and each may say otherwise."""
    settings = table_of(tool.get("uv"))
    top, above = _workspace(root, place)
    indexes = _addresses(above.get("index")) | _addresses(settings.get("index"))
    tables = [(above, top, _relative(top, root))] if top != place else []
    for table, start, file in [*tables, (settings, place, where)]:
        for name, told in table_of(table.get("sources")).items():
            if start == place or name not in table_of(settings.get("sources")):
                yield _Row(
                    name=name,
                    told=told,
                    key="tool.uv.sources",
                    where=file,
                    place=start,
                    indexes=indexes,
                )


def _workspace(root: Path, place: Path) -> tuple[Path, Mapping[str, object]]:
    """Return the directory of the workspace that a project is in, and uv's table there."""
    directory = place
    while directory.is_relative_to(root):
        table = table_of(table_of(_document(directory).get("tool")).get("uv"))
        if "workspace" in table:
            return directory, table
        directory = directory.parent
    return place, {}


def _poetry(tool: Mapping[str, object], place: Path, where: str) -> Iterator[_Row]:
    settings = table_of(tool.get("poetry"))
    for name, told in table_of(settings.get("dependencies")).items():
        rows = told if isinstance(told, list) else [told]
        keys = {key for row in rows if isinstance(row, dict) for key in row}
        if keys & {"git", "url", "file", "path", "source"}:
            yield _Row(
                name=name,
                told=told,
                key="tool.poetry.dependencies",
                where=where,
                place=place,
                indexes=_addresses(settings.get("source")),
            )


def _why_not(told: object, row: _Row, root: Path) -> str:
    """Return why a source cannot be followed, empty where it can."""
    match told:
        case {"workspace": True}:
            if _member(row, root):
                return ""
            return "from the workspace, which has no project of that name in this repository"
        case {"path": str(path)}:
            problem = _problem(row.place / path, canonicalize_name(row.name), root)
            return f"from `{path}`, {problem}" if problem else ""
        case {"git": str(address)} | {"url": str(address)} | {"file": str(address)}:
            shown = address.rpartition("@")[2] if "://" in address else address
            return f"from `{shown}`, and only what an index has can be locked"
        case _:
            return ""


def _member(row: _Row, root: Path) -> bool:
    workspace = table_of(
        table_of(table_of(_document(row.place).get("tool")).get("uv")).get("workspace")
    )
    start = row.place
    if not workspace:
        start, above = _workspace(root, row.place)
        workspace = table_of(above.get("workspace"))
    patterns = workspace.get("members")
    places = [start]
    for pattern in patterns if isinstance(patterns, list) else []:
        with suppress(ValueError, NotImplementedError):
            places += start.glob(str(pattern))
    return any(_named(place) == canonicalize_name(row.name) for place in places)


def _problem(path: Path, name: str, root: Path) -> str:
    """Return what keeps a path from being the project of a name in the repository."""
    path, root = Path(path).resolve(), root.resolve()
    if not path.is_relative_to(root):
        return "which lies outside of the repository"
    if not path.is_dir():
        return "which is no project's directory"
    found = _named(path)
    if not found:
        return "where no `pyproject.toml` names a project"
    return "" if found == name else f"whose project is called `{found}`"


def _named(directory: Path) -> str:
    document = _document(directory)
    poetry = table_of(table_of(document.get("tool")).get("poetry"))
    return canonicalize_name(
        str(table_of(document.get("project")).get("name") or poetry.get("name") or "")
    )


def _document(directory: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads((directory / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _addresses(rows: object) -> dict[str, str]:
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {str(row.get("name", "")): str(row.get("url", "")) for row in found}


def _relative(directory: Path, root: Path) -> str:
    return (directory / FILE).relative_to(root).as_posix()


def table_of(value: object) -> Mapping[str, object]:
    """Return a table of TOML; an empty one where something else stands, or nothing."""
    return value if isinstance(value, dict) else {}
