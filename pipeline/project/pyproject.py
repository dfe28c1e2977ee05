"""What a project's own files say that a lock depends on: ``pyproject.toml`` and its companions.

Only static text is read (PEP 518, 621, 735); what only the backend's hooks can tell is represented
by digests of the files those hooks read, so that staleness shows without running anything.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.files import sha256_bytes
from pipeline.project import setuptools, sources
from pipeline.project.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

FILE = "pyproject.toml"

LEGACY_REQUIRES = ("setuptools>=40.8.0",)
LEGACY_BACKEND = "setuptools.build_meta:__legacy__"
"""What PEP 517 says of a project without a ``[build-system]``."""

BACKENDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "flit_core": ("flit", ()),
    "flit_scm": ("flit", ()),
    "hatchling": ("hatch", ("hatch_build.py",)),
    "maturin": ("maturin", ()),
    "mesonpy": ("meson-python", ()),
    "pdm": ("pdm", ()),
    "poetry": ("poetry", ()),
    "scikit_build_core": ("scikit-build", ()),
    "setuptools": ("setuptools", ("setup.py", "setup.cfg")),
    "uv_build": ("uv", ()),
}
"""For a backend's top-level module: its table below ``[tool]`` and the files its hooks read."""

READERS: Mapping[str, str] = {
    **{top: table for top, (table, _) in BACKENDS.items()},
    "flit": "flit",
    "jupyter_packaging": "setuptools",
    "poetry_dynamic_versioning": "poetry",
}
"""For a backend's top-level module, ours and those that wrap them: who knows its layout."""

NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project's declarations. ``dependencies`` is None where the backend computes them.

    ``hook_inputs`` names what the backend's hooks read, each with a digest. ``version`` and
    ``entry_points`` (by group and name, scripts among them) are those of ``[project]``;
    ``is_declared`` is whether there is that table, ``dynamic`` what it leaves to the backend.
    ``sources`` says where requirements come from that are not an index's.
    ``is_built`` is whether a build system is named, if only by a ``setup.py``.
    ``reader`` is the table below ``[tool]``, all of which is ``tool``, that tells the layout; it is
    empty for a backend that we do not know. ``where`` is the file for messages.
    """

    where: str
    name: str = ""
    requires_python: str = ""
    backend: str = LEGACY_BACKEND
    backend_path: tuple[str, ...] = ()
    build_requires: tuple[str, ...] = LEGACY_REQUIRES
    dependencies: tuple[str, ...] | None = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, object] = field(default_factory=dict)
    hook_inputs: tuple[str, ...] = ()
    version: str = ""
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_declared: bool = False
    is_built: bool = True
    dynamic: tuple[str, ...] = ()
    reader: str = "setuptools"
    tool: Mapping[str, object] = field(default_factory=dict, repr=False)
    sources: Sources = field(default_factory=Sources, repr=False)

    def extra_requires(self, name: str) -> tuple[str, ...]:
        """Return what an extra requires, with the project's references to itself followed."""
        return self.sources.followed(self._extra(normal(name), ()))

    def group_requires(self, name: str) -> tuple[str, ...]:
        """Return the requirements of a dependency group with its includes (PEP 735)."""
        return self.sources.followed(self._closed(self._group(normal(name), ()), ()))

    def _extra(self, name: str, seen: tuple[str, ...]) -> Iterator[str]:
        if name not in self.extras:
            raise _unknown("extra", name, self.extras, self.where)
        yield from self._closed(self.extras[name], (*seen, name))

    def _closed(self, requirements: Iterable[str], seen: tuple[str, ...]) -> Iterator[str]:
        """Yield requirements, those on the project's own extras replaced by what they require."""
        for requirement in requirements:
            name, extras = requirement_name(requirement)
            if not self.name or name != normal(self.name):
                yield requirement
                continue
            for extra in extras:
                if extra not in seen:
                    yield from self._extra(extra, seen)

    def _group(self, name: str, seen: tuple[str, ...]) -> Iterator[str]:
        if name in seen:
            raise ConfigError(
                f"dependency group `{name}` includes itself: {' > '.join((*seen, name))}",
                where=self.where,
            )
        if name not in self.groups:
            raise _unknown("dependency group", name, self.groups, self.where)
        items = self.groups[name]
        for item in items if isinstance(items, list) else [items]:
            match item:
                case str():
                    yield item
                case {"include-group": str(included), **rest} if not rest:
                    yield from self._group(normal(included), (*seen, name))
                case _:
                    raise ConfigError(
                        f"dependency group `{name}` holds something that is neither a requirement "
                        "nor an `include-group`",
                        where=self.where,
                    )


def normal(name: str) -> str:
    """Return a distribution's, extra's or group's name as the specifications compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> tuple[str, tuple[str, ...]]:
    """Return the normal name and the extras at the start of a requirement (PEP 508)."""
    match = NAME.match(requirement)
    if match is None:
        return "", ()
    extras = (match[2] or "").split(",")
    return normal(match[1]), tuple(normal(extra.strip()) for extra in extras if extra.strip())


def reader(root: Path) -> Callable[[str], Project]:
    """Return a function that reads a project of the repository ``root``, each only once."""
    known: dict[str, Project] = {}

    def read(source: str) -> Project:
        if source not in known:
            known[source] = read_project(root, source)
        return known[source]

    return read


def read_project(root: Path, source: str) -> Project:
    """Read the project in the directory ``source`` of the repository ``root``.

    With only a ``setup.py`` it is a legacy setuptools project; with neither, nothing is declared.
    Raises ConfigError.
    """
    directory = root / source
    where = FILE if source == "." else f"{source}/{FILE}"
    try:
        data = (directory / FILE).read_bytes()
    except FileNotFoundError:
        if not (directory / "setup.py").is_file():
            return Project(where=where)
        data = b""
    except OSError as error:
        raise ConfigError(f"`{where}` cannot be read: {error.strerror}", where=where) from error
    found = parse_project(data, where, directory)
    told = sources.read(found.tool, root.absolute(), directory.absolute(), where)
    return replace(
        found,
        sources=told,
        dependencies=None if found.dependencies is None else told.followed(found.dependencies),
        build_requires=told.followed(found.build_requires),
    )


def parse_project(data: bytes, where: str, directory: Path) -> Project:
    """Return the project of a ``pyproject.toml``'s bytes; its companions are in ``directory``."""
    import tomllib  # noqa: PLC0415  the no-op path comes here only when something moved

    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"`{where}` is not valid TOML: {error}", where=where) from error
    try:
        return _project(document, where, directory)
    except TypeError as error:
        raise ConfigError(f"`{where}` is malformed: {error}", where=where) from error


def _project(document: Mapping[str, object], where: str, directory: Path) -> Project:
    system = _table(document, "build-system")
    project = _table(document, "project")
    tool = _table(document, "tool")
    optional = _table(project, "optional-dependencies")
    groups = _table(document, "dependency-groups")
    backend = str(system.get("build-backend", LEGACY_BACKEND))
    backend_path = _strings(system.get("backend-path", []), "build-system.backend-path")
    dynamic = _strings(project.get("dynamic", []), "project.dynamic")
    # Without a `[project]` table everything is the backend's to say.
    computed = "dependencies" in dynamic or not project
    dependencies = _strings(project.get("dependencies", []), "project.dependencies")
    reader = _reader(backend, tool, directory)
    return Project(
        where=where,
        name=str(project.get("name", "")) or _name(reader, tool, directory),
        requires_python=str(project.get("requires-python", "")),
        backend=backend,
        backend_path=backend_path,
        build_requires=_strings(
            system.get("requires", list(LEGACY_REQUIRES)), "build-system.requires"
        ),
        dependencies=None if computed else dependencies,
        extras={normal(name): _strings(value, name) for name, value in optional.items()},
        groups={normal(name): value for name, value in groups.items()},
        hook_inputs=tuple(_hook_inputs(backend, backend_path, tool, directory)),
        version=str(project.get("version", "")),
        entry_points=_entry_points(project),
        is_declared=bool(project),
        is_built=bool(system) or "setuptools" in tool or _has_setup(directory),
        dynamic=dynamic,
        reader=reader,
        tool=tool,
    )


def _reader(backend: str, tool: Mapping[str, object], directory: Path) -> str:
    """Return whose settings tell the layout; a backend of the project's own wraps another one."""
    top = backend.partition(":")[0].partition(".")[0]
    if top in READERS:
        return READERS[top]
    named = [table for table in dict.fromkeys(READERS.values()) if table in tool]
    if len(named) == 1:
        return named[0]
    return "setuptools" if _has_setup(directory) else ""


def _has_setup(directory: Path) -> bool:
    return any(
        (directory / file).is_file() for file in (setuptools.SETUP, setuptools.CONFIGURATION)
    )


def _name(reader: str, tool: Mapping[str, object], directory: Path) -> str:
    """Return a distribution's name where there is no ``[project]``."""
    match reader, tool:
        case "setuptools", _:
            with suppress(ConfigError):  # said where more than the name is needed
                return setuptools.read(directory, tool).text("name")
            return ""
        case "poetry", {"poetry": {"name": str(name)}}:
            return name
        case "flit", {"flit": {"metadata": dict(told)}}:
            return str(told.get("dist-name") or told.get("module") or "")
        case _:
            return ""


def _entry_points(project: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return the entry points of ``[project]`` by the groups that metadata has them in."""
    groups = dict(_table(project, "entry-points"))
    groups |= {"console_scripts": _table(project, "scripts")}
    groups |= {"gui_scripts": _table(project, "gui-scripts")}
    found = {name: _table(groups, name) for name in sorted(groups)}
    return {
        group: {name: str(value) for name, value in sorted(points.items())}
        for group, points in found.items()
        if points
    }


def _hook_inputs(
    backend: str, backend_path: tuple[str, ...], tool: Mapping[str, object], directory: Path
) -> Iterator[str]:
    top = backend.partition(":")[0].partition(".")[0]
    if top in BACKENDS and not backend_path:
        name, files = BACKENDS[top]
        if name in tool:
            yield f"[tool.{name}] {_short(json.dumps(tool[name], default=str).encode())}"
    else:  # a backend we do not know may read any of it
        files = ("setup.py", "setup.cfg")
        yield f"[tool] {_short(json.dumps(tool, default=str).encode())}"
    below = [path for part in backend_path for path in sorted((directory / part).glob("*.py"))]
    for path in (*(directory / name for name in (*files, *_dynamic_files(tool))), *below):
        if path.is_file():
            yield f"{path.relative_to(directory).as_posix()} {_short(path.read_bytes())}"


def _dynamic_files(tool: Mapping[str, object]) -> tuple[str, ...]:
    """Return the files setuptools takes dynamic dependencies from."""
    match tool.get("setuptools"):
        case {"dynamic": {"dependencies": {"file": str(name)}}}:
            return (name,)
        case {"dynamic": {"dependencies": {"file": [*names]}}}:
            return tuple(str(name) for name in names)
        case _:
            return ()


def _short(data: bytes) -> str:
    return sha256_bytes(data)[:16]


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise TypeError(f"`{name}` must be a table")
    return value


def _strings(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"`{name}` must be a list of texts")
    return tuple(value)


def _unknown(what: str, name: str, known: Mapping[str, object], where: str) -> ConfigError:
    return ConfigError(
        f"{what} `{name}` is not declared",
        where=where,
        hint=f"declared are: {', '.join(sorted(known)) or 'none'}",
    )
