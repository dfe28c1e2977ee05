"""Where a project's import packages lie: what its wheel would hold, found in the sources.

One reader for everything that uses projects from their sources. Each backend has its own settings
and defaults; they are read as the backend documents them, and nothing is run. What cannot be placed
is refused, with the file and the key to mend, since an import would fail later and far away.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.project import setuptools
from pipeline.project.sources import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.project.pyproject import Project

COMPILING = ("maturin", "meson-python", "scikit-build")
"""Backends that nobody takes for a project without something to compile."""

SETUPTOOLS = "setuptools"
_EXTENSIONS = re.compile(
    r"\b(?:ext_modules|cffi_modules|rust_extensions|cythonize|mypycify|Extension\s*\()"
)
_COMPILERS = re.compile(
    r"(?:cython|mypy|cffi|pybind11|nanobind|setuptools-rust|hatch-mypyc)\b", re.IGNORECASE
)
"""What a build requires in order to compile modules, going by how its requirements begin."""

MARKS = ("__init__.py", "__init__.pyi")
"""The files that make a directory a package of one project, and no shared namespace."""

WILD = "*?["
UNUSED = ("__pycache__", "*.egg-info", "*.dist-info", ".*")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What can be imported of a project.

    ``links`` are pairs of a path below site-packages and the path, relative to the project, that
    belongs there: a directory, or a module's file. ``paths`` are directories for the search path,
    of a project that is no package. ``looked`` are directories whose entries decided this.
    """

    links: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    looked: tuple[str, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The directories from which everything is imported by its name, for static analysis."""
        found: dict[str, None] = dict.fromkeys(self.paths)
        for inside, place in self.links:
            inner, outer = PurePosixPath(inside).parts, PurePosixPath(place).parts
            if outer[-len(inner) :] == inner:
                found[str(PurePosixPath(*outer[: -len(inner)]))] = None
        return tuple(found)


def compiled_by(directory: Path, project: Project) -> str:
    """Return the reader of a project with modules to compile, as far as its text tells."""
    if project.reader in COMPILING:
        return project.reader
    if any(_COMPILERS.match(requirement) for requirement in project.build_requires):
        return project.reader
    if project.reader != SETUPTOOLS:
        return ""
    match project.tool:
        case {"setuptools": {"ext-modules": [_, *_]}}:
            return SETUPTOOLS
        case _:
            try:
                text = (directory / "setup.py").read_text(encoding="utf-8", errors="replace")
            except OSError:
                return ""
            return SETUPTOOLS if _EXTENSIONS.search(text) else ""


def read(project: Project, directory: Path) -> Layout:
    """Return the layout of the project in a directory.

    Raises ConfigError where its backend's settings name what is not there, or cannot be followed.
    """
    if _is_no_package(project):
        return _as_it_stands(directory)
    try:
        found = _READERS.get(project.reader, _usual)(_Place(project=project, directory=directory))
    except ConfigError as error:
        if not project.is_built:
            return _as_it_stands(directory)
        raise ConfigError(
            f"`{project.name or directory.name}` cannot be imported from its sources: "
            f"{error.message}",
            where=project.where,
            hint=error.hint,
        ) from error
    if not found.links and not project.is_built:
        return _as_it_stands(directory)
    return replace(found, links=tuple(sorted(dict(found.links).items())))


def _is_no_package(project: Project) -> bool:
    match project.tool:
        case (
            {"poetry": {"package-mode": False}}
            | {"uv": {"package": False}}
            | {"pdm": {"distribution": False}}
        ):
            return True
        case _:
            return not project.name and not project.is_built


def _as_it_stands(directory: Path) -> Layout:
    """Return the layout of a project that nothing builds: its directory is searched."""
    paths = ("src", ".") if (directory / "src").is_dir() else (".",)
    return Layout(paths=paths)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A project and its directory."""

    project: Project
    directory: Path

    @property
    def settings(self) -> Mapping[str, object]:
        """The table of the backend."""
        return table_of(self.project.tool.get(self.project.reader))

    @property
    def module(self) -> str:
        """The name that a package has if nothing else is said."""
        return self.project.name.replace("-", "_").replace(".", "_")

    def exists(self, path: str) -> bool:
        """Whether there is something at a path."""
        return (self.directory / path).exists()

    def is_package(self, path: str) -> bool:
        """Whether a directory has the mark of a package."""
        return any((self.directory / path / mark).is_file() for mark in MARKS)

    def module_at(self, *paths: str) -> str | None:
        """Return the first of these paths that is a directory, or with ``.py`` a module."""
        for path in paths:
            for found in (path, f"{path}.py"):
                there = self.directory / found
                if there.is_dir() or (found.endswith(".py") and there.is_file()):
                    return found
        return None

    def entries(self, path: str) -> list[str]:
        """Return the paths of what lies in a directory and could be imported, sorted."""
        with os.scandir(self.directory / path) as entries:
            names = sorted(
                one.name
                for one in entries
                if not any(fnmatchcase(one.name, pattern) for pattern in UNUSED)
                and (one.is_dir() or one.name.endswith((".py", ".pyi", ".so")))
            )
        return [_join(path, name) for name in names]

    def glob(self, pattern: str) -> list[str]:
        """Return what a pattern of a backend names, by the highest directories that it takes."""
        parts = PurePosixPath(pattern.strip("/")).parts
        fixed = list(_until_wild(parts))
        if len(fixed) == len(parts):
            return [pattern.strip("/")] if self.exists(pattern.strip("/")) else []
        if fixed and self.exists(_join(*fixed)):
            rest = parts[len(fixed) :]
            # `foo/**`, `foo/**/*.py` and `foo/*` are all of `foo`.
            if len(rest) == 1 or rest[0] == "**":
                return [_join(*fixed)]
        if parts[:1] == ("**",):
            return self.entries(".")
        found = sorted(self.directory.glob(str(PurePosixPath(*parts))))
        places = [path.relative_to(self.directory).as_posix() for path in found]
        return [place for place in places if "__pycache__" not in place]

    def missing(self, what: str, key: str) -> ConfigError:
        """Return the error for something that is not where the backend would look."""
        return ConfigError(f"cannot find {what}", hint=f"say where it lies with `{key}`")


def _until_wild(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        if any(character in part for character in WILD):
            return
        yield part


def _setuptools(place: _Place) -> Layout:
    settings = setuptools.read(place.directory, place.project.tool)
    modern = place.project.is_declared or "setuptools" in place.project.tool
    found = setuptools.placed(settings, place.directory, modern=modern)
    return Layout(links=tuple(found.links.items()), looked=found.looked)


def _hatch(place: _Place) -> Layout:
    build = table_of(place.settings.get("build"))
    wheel = table_of(table_of(build.get("targets")).get("wheel"))

    def option(name: str) -> object:
        return wheel.get(name, build.get(name))

    include, packages = _texts(option("include")), _texts(option("packages"))
    only = _texts(option("only-include"))
    forced = table_of(wheel.get("force-include")) or table_of(build.get("force-include"))
    if not (include or packages or only):
        packages, only = _hatch_default(place)
    selected = [path.strip("/") for path in only or packages]
    for path in selected:
        if not place.exists(path):
            raise place.missing(f"`{path}`", "[tool.hatch.build.targets.wheel] packages")
    if not selected:
        selected = [found for pattern in include for found in place.glob(pattern.lstrip("/"))]
    if not (selected or forced):
        if dirs := _texts(option("dev-mode-dirs")):
            return Layout(paths=tuple(dirs))
        raise place.missing(
            f"a package `{place.module}`", "[tool.hatch.build.targets.wheel] packages"
        )
    moved = _hatch_sources(option("sources"), packages)
    links: dict[str, str] = {}
    for path in selected:
        links |= _hatch_links(place, path, moved)
    for path, inside in forced.items():
        links |= _put(place, str(inside).strip("/"), path)
    return Layout(links=tuple(links.items()))


def _hatch_default(place: _Place) -> tuple[list[str], list[str]]:
    """Return the packages and the files that are taken if nothing is said."""
    raw = place.project.name.replace("-", "_").replace(".", "_")
    for name in dict.fromkeys((raw, raw.lower())):
        if (place.directory / name / "__init__.py").is_file():
            return [name], []
        if (place.directory / "src" / name / "__init__.py").is_file():
            return [f"src/{name}"], []
        if place.exists(f"{name}.py"):
            return [], [f"{name}.py"]
        spaces = sorted(place.directory.glob(f"*/{name}/__init__.py"))
        if len(spaces) == 1:
            return [spaces[0].parent.parent.name], []
    return [], []


def _hatch_sources(told: object, packages: Iterable[str]) -> dict[str, str]:
    """Return what the beginnings of paths become in the wheel, both without slashes."""
    found: dict[str, str] = {}
    if isinstance(told, list):
        found |= {str(path).strip("/"): "" for path in told}
    for path, inside in table_of(told).items():
        found[path.strip("/")] = str(inside).strip("/")
    for path in packages:
        above = str(PurePosixPath(path.strip("/")).parent)
        if above != "." and path.strip("/") not in found:
            found.setdefault(above, "")
    return dict(sorted(found.items()))


def _hatch_links(place: _Place, path: str, moved: Mapping[str, str]) -> dict[str, str]:
    links = _put(place, _hatch_inside(path, moved), path)
    for source in moved:
        if source.startswith(f"{path}/") and place.exists(source):
            links |= _put(place, _hatch_inside(source, moved), source)
    return links


def _hatch_inside(path: str, moved: Mapping[str, str]) -> str:
    for source, inside in moved.items():
        if not source:
            return _join(inside, path)
        if path == source or path.startswith(f"{source}/"):
            return _join(inside, path.removeprefix(source).strip("/"))
    return path


def _put(place: _Place, inside: str, path: str) -> dict[str, str]:
    """Return the links for a path that becomes ``inside``, of its entries if that is the top."""
    if not place.exists(path):
        return {}
    if inside not in {"", "."}:
        return {inside: path}
    return {PurePosixPath(one).name: one for one in place.entries(path)}


def _flit(place: _Place) -> Layout:
    told = table_of(place.settings.get("module")).get("name")
    old = table_of(place.settings.get("metadata")).get("module")
    name = str(told or old or _stubs(place.project.name.replace("-", "_")))
    path = name.replace(".", "/")
    found = place.module_at(path, f"src/{path}")
    if found is None:
        raise place.missing(f"a module or package `{name}`", "[tool.flit.module] name")
    return Layout(links=((found.removeprefix("src/"), found),))


def _poetry(place: _Place) -> Layout:
    told = [row for row in _rows(place.settings.get("packages")) if _is_for_wheels(row)]
    if not told:
        name = place.module.lower()
        found = place.module_at(name, f"src/{name}")
        if found is None:
            raise place.missing(f"a module or package `{name}`", "[tool.poetry] packages")
        told = [{"include": found.removeprefix("src/"), "from": "src" if "/" in found else ""}]
    links: dict[str, str] = {}
    for row in told:
        source, target = str(row.get("from") or ""), str(row.get("to") or "")
        pattern = str(row.get("include", ""))
        found_here = place.glob(_join(source, pattern))
        if not found_here:
            raise place.missing(f"`{_join(source, pattern)}`", "[tool.poetry] packages")
        for path in found_here:
            links |= _put(place, _join(target, _below(path, source)), path)
    return Layout(links=tuple(links.items()))


def _is_for_wheels(row: Mapping[str, object]) -> bool:
    formats = row.get("format", "wheel")
    return "wheel" in (formats if isinstance(formats, list) else [formats])


def _pdm(place: _Place) -> Layout:
    build = table_of(place.settings.get("build"))
    includes = _texts(build.get("includes"))
    left_out = {path.strip("/") for path in _texts(build.get("excludes"))}
    left_out |= {path.strip("/") for path in _texts(build.get("source-includes")) or ["tests"]}
    below = "src" if (place.directory / "src").is_dir() and not includes else ""
    if any(path.split("/")[0] == "src" for path in includes) and "src" not in left_out:
        below = "src"
    root = str(build.get("package-dir", below)).strip("/")
    if includes:
        found = [path for pattern in includes for path in place.glob(pattern)]
    else:
        if not place.exists(root or "."):
            raise place.missing(f"`{root}`", "[tool.pdm.build] package-dir")
        entries = place.entries(root)
        found = [path for path in entries if place.is_package(path)]
        found = found or [path for path in entries if path.endswith(".py")]
    taken = [path for path in found if path not in left_out]
    if not taken:
        raise place.missing("an import package", "[tool.pdm.build] includes")
    links: dict[str, str] = {}
    for path in taken:
        links |= _put(place, _below(path, root), path)
    return Layout(links=tuple(links.items()), looked=() if includes else (root or ".",))


def _uv(place: _Place) -> Layout:
    build = table_of(place.settings.get("build-backend"))
    root = str(build.get("module-root", "src")).strip("/")
    told = build.get("module-name", _stubs(place.module.lower()))
    links: dict[str, str] = {}
    for name in _texts(told):
        path = name.replace(".", "/")
        found = _join(root, path)
        if not place.exists(found):
            # The name of a distribution may be written in another case than the module.
            siblings = place.entries(root) if place.exists(root or ".") else []
            alike = [one for one in siblings if one.lower() == found.lower()]
            if not alike:
                raise place.missing(f"the package `{found}`", "[tool.uv.build-backend] module-name")
            found = alike[0]
        links[_below(found, root)] = found
    return Layout(links=tuple(links.items()))


def _maturin(place: _Place) -> Layout:
    name = str(place.settings.get("module-name") or _crate(place) or place.module)
    top = name.partition(".")[0]
    told = place.settings.get("python-source")
    root = str(told if told is not None else "").strip("/")
    if told is None and place.is_package(f"src/{top}"):
        root = "src"
    names = [top, *_texts(place.settings.get("python-packages"))]
    found = {one: _join(root, one) for one in names if place.exists(_join(root, one))}
    if told is not None and not found:
        raise place.missing(f"the package `{_join(root, top)}`", "[tool.maturin] module-name")
    # Of a project that is Rust alone there is nothing but what is compiled.
    return Layout(links=tuple(found.items()))


def _crate(place: _Place) -> str:
    """Return the library's name in ``Cargo.toml``, else the crate's."""
    import tomllib  # noqa: PLC0415 - as where projects are read

    try:
        document = tomllib.loads((place.directory / "Cargo.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    named = table_of(document.get("lib")).get("name") or table_of(document.get("package")).get(
        "name"
    )
    return str(named or "").replace("-", "_")


def _scikit_build(place: _Place) -> Layout:
    told = table_of(place.settings.get("wheel")).get("packages")
    if told is not None:
        named = table_of(told) or {
            path.strip("/").rpartition("/")[2]: path for path in _texts(told)
        }
        for path in named.values():
            if not place.exists(str(path)):
                raise place.missing(f"`{path}`", "[tool.scikit-build] wheel.packages")
        links = {inside: str(path).strip("/") for inside, path in named.items()}
        return Layout(links=tuple(links.items()))
    raw = place.project.name.replace("-", "_")
    for path in dict.fromkeys((raw.replace(".", "_"), raw.replace(".", "/"))):
        for root in ("src", "python", ""):
            if place.is_package(_join(root, path)):
                return Layout(links=((path, _join(root, path)),))
    return Layout()


def _meson(place: _Place) -> Layout:
    """Return the package of the distribution's name; what is installed, only Meson knows."""
    name = place.module.lower()
    for path in (f"src/{name}", f"python/{name}", name, f"lib/{name}"):
        if place.is_package(path):
            return Layout(links=((name, path),))
    raise ConfigError(
        f"Meson alone knows what is installed, and no package `{name}` lies in `src` or at the top",
        hint="name the directory of sources as the distribution, or install the wheel of a stage",
    )


def _usual(place: _Place) -> Layout:
    """Return what the two usual layouts give, for a backend whose settings nobody knows."""
    if place.exists("src") and (found := place.entries("src")):
        links = {PurePosixPath(path).name: path for path in found}
        return Layout(links=tuple(links.items()), looked=("src",))
    for name in dict.fromkeys((place.module, place.module.lower())):
        if path := place.module_at(name):
            return Layout(links=((path, path),))
    raise ConfigError(
        f"where build backend `{place.project.backend}` takes packages from is not known, and "
        f"neither `src` nor `{place.module}` holds any",
        hint="use one of the usual two layouts, or install the wheel of a stage",
    )


_READERS = {
    "flit": _flit,
    "hatch": _hatch,
    "maturin": _maturin,
    "meson-python": _meson,
    "pdm": _pdm,
    "poetry": _poetry,
    "scikit-build": _scikit_build,
    "setuptools": _setuptools,
    "uv": _uv,
}


def _join(*parts: str) -> str:
    return os.path.normpath("/".join(part for part in parts if part) or ".")


def _below(path: str, root: str) -> str:
    return path.removeprefix(f"{root}/") if root else path


def _stubs(module: str) -> str:
    """Return the name of a package, that of stubs (PEP 561) with its dash."""
    base = module.removesuffix("_stubs")
    return module if base == module else f"{base}-stubs"


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []


def _rows(value: object) -> list[Mapping[str, object]]:
    return [table_of(item) for item in value] if isinstance(value, list) else []
