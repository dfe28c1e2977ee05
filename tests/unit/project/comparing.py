"""Holding an install from the sources against the wheel that the real backend builds of them."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from configparser import RawConfigParser
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from pipeline.project.editable import Editable, Files, install
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PACKAGES = "site"
BUILD = """
import importlib, os, sys
for place in sys.argv[2:]:
    backend, source, out = place.split("=")
    module, _, name = backend.partition(":")
    os.chdir(source)
    sys.path[0] = ""
    hooks = importlib.import_module(module)
    try:
        (getattr(hooks, name) if name else hooks).build_wheel(out)
    except BaseException as error:
        with open(f"{out}/error", "w") as stream:
            stream.write(f"{type(error).__name__}: {error}")
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A project: its ``pyproject.toml``, its files by path (no text is an empty file)."""

    pyproject: str = ""
    files: Mapping[str, str] | Iterable[str] = ()

    def write(self, directory: Path) -> Path:
        """Write the project and return its directory."""
        texts = self.files if isinstance(self.files, dict) else dict.fromkeys(self.files, "")
        for name, text in {"pyproject.toml": self.pyproject, **texts}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text or name != "pyproject.toml":
                path.write_text(text)
        return directory


def built(
    cases: Mapping[str, Case], directory: Path, backend: str, python: str = sys.executable
) -> None:
    """Build the wheels of projects, all in one process, into ``directory/NAME/out``."""
    places = []
    for name, case in cases.items():
        source, out = case.write(directory / name / "source"), directory / name / "out"
        out.mkdir()
        places.append(f"{backend}={source}={out}")
    command = [python, "-c", BUILD, "-", *places]
    path = f"{os.path.dirname(python)}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path}
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=300)


def wheel_modules(path: Path) -> set[str]:
    """Return the names of what can be imported from a wheel."""
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if ".dist-info/" not in n and ".data/" not in n]
    return {module for name in names if (module := module_name(name))}


def wheel_programs(path: Path) -> tuple[dict[str, dict[str, str]], set[str]]:
    """Return the entry points of a wheel, and the names of its script files."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        found = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        text = archive.read(found[0]).decode() if found else ""
    return points(text), {n.rpartition("/")[2] for n in names if ".data/scripts/" in n}


def points(text: str) -> dict[str, dict[str, str]]:
    """Return the entry points of a file."""
    parser = RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def module_name(path: str) -> str:
    """Return the name that a file below site-packages is imported by, stubs included."""
    for suffix in (".py", ".pyi"):
        if path.endswith(suffix):
            parts = path.removesuffix(suffix).split("/")
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def unpacked(added: Files, prefix: Path) -> Path:
    """Write what an installation adds and return the directory of packages."""
    for name, text in added.texts.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(text)
    for name, target in added.links.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).symlink_to(target)
    (prefix / PACKAGES).mkdir(exist_ok=True)
    return prefix / PACKAGES


def installed(*sources: Path, prefix: Path, root: Path | None = None) -> tuple[Path, Files]:
    """Install projects from their sources; return the directory of packages and what was added."""
    root = root or sources[0].parent
    names = [str(source.relative_to(root)) for source in sources]
    editables = [Editable.read(root, name, read_project(root, name)) for name in names]
    added = install(editables, packages=PACKAGES, repository=str(root), start="#!python\n")
    return unpacked(added, prefix), added


def linked_modules(packages: Path) -> set[str]:
    """Return the names of everything that can be imported below a directory of packages."""
    found = set()
    for path in packages.rglob("*"):
        below = path.relative_to(packages)
        if ".dist-info" not in below.parts[0] and not below.name.startswith("_pipeline_"):
            files = path.rglob("*") if path.is_symlink() and path.is_dir() else [path]
            for file in files:
                found.add(
                    module_name(str(below / file.relative_to(path)) if file != path else str(below))
                )
    return found - {""}


def compare(directory: Path) -> None:
    """Assert that an install from ``directory/source`` gives what the wheel in ``out`` holds."""
    wheels = list((directory / "out").glob("*.whl"))
    error = directory / "out" / "error"
    assert wheels, error.read_text() if error.exists() else "no wheel"
    packages, added = installed(directory / "source", prefix=directory / "env")
    wanted, found = wheel_modules(wheels[0]), linked_modules(packages)
    assert wanted <= found, f"lacks {sorted(wanted - found)}"
    for path in added.links:
        inside = path.removeprefix(f"{PACKAGES}/")
        if path.startswith("bin/") or (
            not inside.endswith((".py", ".pyi")) and "." in inside.rpartition("/")[2]
        ):
            continue
        name = module_name(inside) or inside.replace("/", ".")
        assert any(f"{one}.".startswith(f"{name}.") for one in wanted), f"`{name}` is too much"
    groups, scripts = wheel_programs(wheels[0])
    text = next((t for n, t in added.texts.items() if n.endswith("/entry_points.txt")), "")
    assert points(text) == {group: rows for group, rows in groups.items() if rows}
    programs = {
        name for group in ("console_scripts", "gui_scripts") for name in groups.get(group, ())
    }
    made = {name[4:] for name in (*added.texts, *added.links) if name.startswith("bin/")}
    assert made == programs | scripts


def found_at(packages: Path, name: str) -> str:
    """Return where static analysis, which follows links, finds a module."""
    spec = PathFinder.find_spec(name, [str(packages)])
    return spec.origin or "" if spec else ""
