"""The version of a project as its files say it, for an install from the sources.

What a backend would compute from git, or by running code, is replaced by what the nearest file
``VERSION`` says, and else by `UNKNOWN`: nothing is run.
"""

from __future__ import annotations

import ast
import re
import tomllib
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from pipeline.project import setuptools
from pipeline.project.entry_points import text_of
from pipeline.project.pyproject import requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.project.pyproject import Project

UNKNOWN = "0+checkout"
FILE = "VERSION"

HATCH = r"""(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'"])v?(?P<version>.+?)\2"""
SCIKIT = r"""(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'"])v?(?P<value>.+?)\2"""
"""How these backends look for a version in a file unless told otherwise."""

COMPUTING = frozenset(
    {
        *("setuptools-scm", "setuptools-git-versioning", "vcs-versioning", "versioningit"),
        *("versioneer", "pbr", "hatch-vcs", "poetry-dynamic-versioning", "pdm-backend-scm"),
        *("hatch-regex-commit", "uv-dynamic-versioning", "flit-scm", "setuptools-git-version"),
    }
)
"""What is required to build a project whose version is computed, whatever its files say."""

_SEARCHED = {
    "hatch": ("version", "path", "pattern", HATCH),
    "pdm": ("version", "path", "pattern", HATCH),
    "scikit-build": ("metadata", "version", "input", "regex", SCIKIT),
}
"""Where a backend's table names the file and the pattern, and its usual pattern."""


def version(project: Project, root: Path, source: str, modules: Iterable[str] = ()) -> str:
    """Return the version of the project in the directory ``source`` of a repository.

    ``modules`` are paths of import packages and modules, relative to the project.
    """
    directory = root / source
    found = project.version or _told(project, directory, modules)
    if not _is_version(found):
        nearest = (text_of(place / FILE) for place in (directory, root))
        found = next((text.strip() for text in nearest if _is_version(text.strip())), UNKNOWN)
    return found


def declared(project: Project, directory: Path, modules: Iterable[str] = ()) -> str:
    """Return the version that a project's files say for certain; empty where a backend computes it.

    Some tools write another one into the metadata than what stands in the files: from git, mostly.
    """
    if project.version:
        return project.version
    requires = {requirement_name(one)[0] for one in project.build_requires}
    found = "" if requires & COMPUTING else _told(project, directory, modules)
    return found if _is_version(found) else ""


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _told(project: Project, directory: Path, modules: Iterable[str]) -> str:
    tool, reader = project.tool, project.reader
    if reader in _SEARCHED:
        return _searched(_SEARCHED[reader], tool.get(reader), directory)
    match reader, tool:
        case "setuptools", _:
            return _setuptools(tool, directory)
        case "poetry", {"poetry": {"version": str(found)}}:
            return found
        case "flit", _:
            files = (file for module in modules for file in _module_files(module))
            return next((one for file in files if (one := _assigned(directory / file))), "")
        case "maturin", _:
            return _crate(directory / "Cargo.toml")
        case _:
            return ""


def _searched(how: tuple[str, ...], settings: object, directory: Path) -> str:
    """Return what a pattern finds in a file, both of which the backend's settings may name."""
    *path, key, pattern, usual = how
    for name in path:
        settings = settings.get(name) if isinstance(settings, dict) else None
    if not isinstance(settings, dict) or settings.get("source", "file") not in {"file", "regex"}:
        return ""
    text = text_of(directory / str(settings[key])) if key in settings else ""
    return _search(str(settings.get(pattern, usual)), text)


def _crate(path: Path) -> str:
    with suppress(tomllib.TOMLDecodeError):
        match tomllib.loads(text_of(path)):
            case {"package": {"version": str(found)}}:
                return found
            case _:
                pass
    return ""


def _setuptools(tool: Mapping[str, object], directory: Path) -> str:
    settings = setuptools.read(directory, tool)
    told: object = settings.get("version")
    match tool.get("setuptools"):
        case {"dynamic": {"version": {"file": str(path)}}}:
            told = f"file: {path}"
        case {"dynamic": {"version": {"file": [str(path), *_]}}}:
            told = f"file: {path}"
        case {"dynamic": {"version": {"attr": str(name)}}}:
            told = f"attr: {name}"
        case _:
            pass
    kind, _, value = told.partition(":") if isinstance(told, str) else ("", "", "")
    match kind.strip():
        case "file":
            return text_of(directory / value.split(",")[0].strip()).strip()
        case "attr":
            module, _, name = value.strip().rpartition(".")
            where = settings.get("package_dir")
            roots = where if isinstance(where, dict) else {}
            base = setuptools.package_path(module, {key: str(path) for key, path in roots.items()})
            places = (place for root in (base, f"src/{base}") for place in _module_files(root))
            found = (_assigned(directory / place, name) for place in places)
            return next((one for one in found if one), "")
        case _:
            return told if isinstance(told, str) else ""


def _module_files(module: str) -> tuple[str, ...]:
    path = PurePosixPath(module)
    if path.suffix == ".py":
        return (module,)
    names = ("__version__", "_version", "version", "__init__")
    return (*(f"{module}/{name}.py" for name in names), f"{module}.py")


def _assigned(path: Path, name: str = "__version__") -> str:
    """Return a text that a module assigns to a name at its top; nothing is run."""
    with suppress(SyntaxError, ValueError):
        for node in ast.parse(text_of(path)).body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=target)], value=ast.Constant(value=str(found)))
                    | ast.AnnAssign(
                        target=ast.Name(id=target), value=ast.Constant(value=str(found))
                    )
                ) if target == name:
                    return found
                case _:
                    continue
    return ""


def _search(pattern: str, text: str) -> str:
    with suppress(re.error, IndexError):
        if found := re.search(pattern, text, re.MULTILINE):
            groups = found.groupdict()
            return groups.get("version") or groups.get("value") or found[1]
    return ""
