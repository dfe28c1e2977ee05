"""Where a project's import packages lie: what would be copied to site-packages, found in place.

What the backend was told is read first, for the backends whose settings are plain data. Else the
two usual layouts are looked for: everything below ``src``, or the directory that is called as the
distribution. Directories without ``__init__.py`` are entered, as several distributions may share a
namespace (PEP 420).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUFFIXES = (".py", ".so")
LEFT_OUT = ("__pycache__", ".egg-info", ".dist-info")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What can be imported of a project.

    ``packages`` are pairs of a path below site-packages and the directory, relative to the project,
    that belongs there. ``paths`` are directories of single modules, which are put on the search
    path: a file that an editor replaces would not stay mounted.
    """

    packages: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()


def find(project: Path, name: str, tool: Mapping[str, object]) -> Layout:
    """Return the layout of the project in a directory.

    ``name`` is the distribution's, ``tool`` the table of that name in ``pyproject.toml``.
    """
    packages: dict[str, str] = {}
    paths: dict[str, None] = {}
    for place in _told(tool) or _usual(project, name):
        path = project / place
        if path.is_dir():
            packages |= {_below(place, found): found for found in _portions(project, place)}
        elif path.is_file() or _is_module(path):
            paths[str(PurePosixPath(place).parent)] = None
    return Layout(packages=tuple(sorted(packages.items())), paths=tuple(sorted(paths)))


def _below(top: str, found: str) -> str:
    """Return the path of a package below site-packages; ``top`` lies right below it."""
    return str(PurePosixPath(found).relative_to(PurePosixPath(top).parent))


def _told(tool: Mapping[str, object]) -> list[str]:
    """Return what the settings of a backend name, relative to the project."""
    match tool:
        case {"hatch": {"build": {"targets": {"wheel": {"packages": [*names]}}}}}:
            return [str(name).strip("/") for name in names]
        case {"flit": {"module": {"name": str(name)}}}:
            return [f"src/{name}", name]
        case {"uv": {"build-backend": {"module-name": str(name), **rest}}}:
            root = str(rest.get("module-root", "src"))
            return [f"{root}/{name.replace('.', '/')}".lstrip("/")]
        case {"maturin": {"python-source": str(root), "module-name": str(name)}}:
            return [f"{root}/{name.partition('.')[0]}"]
        case {"setuptools": dict(settings)}:
            return list(_setuptools(settings))
        case _:
            return []


def _setuptools(settings: Mapping[str, object]) -> Iterator[str]:
    match settings:
        case {"packages": [*names], **rest}:
            roots = rest.get("package-dir")
            root = str(roots.get("", "")) if isinstance(roots, dict) else ""
            yield from (f"{root}/{name}".lstrip("/") for name in names if "." not in str(name))
        case {"py-modules": [*names]}:
            yield from (f"{name}.py" for name in names)
        case _:
            return


def _usual(project: Path, name: str) -> list[str]:
    """Return the tops of what lies below ``src``, else what is called as the distribution."""
    if (project / "src").is_dir() and (below := _names(project / "src")):
        return [f"src/{entry}" for entry in below]
    called = name.replace("-", "_").replace(".", "_")
    near = dict.fromkeys((called, called.lower()))
    return [one for one in near if (project / one).is_dir() or _is_module(project / one)][:1]


def _names(directory: Path) -> list[str]:
    found = (entry.name for entry in directory.iterdir() if _counts(entry))
    return sorted(found)


def _counts(entry: Path) -> bool:
    if entry.name.startswith(".") or entry.name.endswith(LEFT_OUT):
        return False
    return entry.is_dir() or entry.name.endswith(SUFFIXES)


def _is_module(path: Path) -> bool:
    return path.with_suffix(".py").is_file()


def _portions(project: Path, place: str) -> Iterator[str]:
    """Yield the highest directories from ``place`` on that hold files, not directories alone."""
    names = _names(project / place)
    if any((project / place / name).is_file() for name in names):
        yield place
        return
    for name in names:
        yield from _portions(project, f"{place}/{name}")
