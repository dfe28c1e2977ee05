"""Projects installed from their sources: importable as they stand, known to metadata, runnable.

An editable install as PEP 660 leaves it, and made without the backend. In site-packages each import
package is a link to its directory, so that exactly what a wheel would hold is there, under its
name, and static analysis follows it. A finder makes imports come from behind the links: paths in
tracebacks and debuggers are those of the sources.

Directories without ``__init__.py`` are shared by distributions (PEP 420): they are made, and what
lies in them is linked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.project import entry_points, layout
from pipeline.project.layout import MARKS, UNUSED
from pipeline.project.version import FILE as VERSION_FILE
from pipeline.project.version import version

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.project.entry_points import EntryPoints
    from pipeline.project.layout import Layout
    from pipeline.project.pyproject import Project

FINDER = "_pipeline_editable"
MODULES = (".py", ".pyi", ".so")
DEPTH = 20
"""How deep namespaces are followed, should links lead in a circle."""

WHEEL = "Wheel-Version: 1.0\nGenerator: pipeline\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
"""What the wheel of an editable install says; installers take a project without it for broken."""

_OLD_NAMESPACE = re.compile(r"\bdeclare_namespace\(")
_SHARED = re.compile(r"\b(?:declare_namespace|extend_path)\(")
"""How an ``__init__.py`` says that others have modules of the package as well."""

_SCRIPT = """\
import sys

from {module} import {imported}

if __name__ == "__main__":
    sys.exit({call}())
"""
_FILE_SCRIPT = """\
import runpy
import sys

if __name__ == "__main__":
    sys.argv[0] = {path!r}
    runpy.run_path({path!r}, run_name="__main__")
"""
_FINDER_TEXT = '''\
"""Lets what is linked here be imported from where it lies. Written by pipeline."""

import os
import sys
from importlib.machinery import PathFinder

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
PLACES = {places}
SPACES = {spaces}


class Finder:
    """Goes where the search path leads, and on behind our links."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in PLACES and name not in SPACES:
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is None:
            return None
        looked = [found.origin or "", *(found.submodule_search_locations or ())]
        if not any(place.startswith(HERE) for place in looked):
            return found  # something that stands before this directory on the path
        if name in SPACES:
            path = sys.path if path is None else path
            return PathFinder.find_spec(name, [*SPACES[name], *path])
        place = PLACES[name]
        if not os.path.exists(place):
            return found
        from importlib.util import spec_from_file_location

        package = os.path.basename(place).startswith("__init__.")
        parts = [os.path.dirname(place)] if package else None
        return spec_from_file_location(name, place, submodule_search_locations=parts)


sys.meta_path.insert(0, Finder)
'''


@dataclass(frozen=True, kw_only=True)
class Editable:
    """A project in the directory ``source`` of the repository at ``root``."""

    root: Path
    source: str
    project: Project
    version: str
    layout: Layout
    points: EntryPoints

    @classmethod
    def read(cls, root: Path, source: str, project: Project) -> Editable:
        """Read what is installed of a project; ConfigError for what cannot be placed."""
        directory = root / source
        found = layout.read(project, directory)
        modules = tuple(place for _, place in found.links)
        return cls(
            root=root,
            source=source,
            project=project,
            version=version(project, root, source, modules),
            layout=found,
            points=entry_points.read(project, directory),
        )

    @property
    def name(self) -> str:
        """The name of the distribution, empty where only its backend knows it."""
        return self.project.name

    def place(self, path: str) -> str:
        """Return a path of the project as one of the repository."""
        return os.path.normpath(f"{self.source}/{path}")

    @property
    def looked(self) -> Iterator[Path]:
        """The directories whose entries decided what is installed, and files of versions."""
        yield self.root / VERSION_FILE
        yield from (self.root / self.place(name) for name in (VERSION_FILE, "Cargo.toml"))
        yield from (self.root / self.place(path) for path in self.layout.looked)


@dataclass(frozen=True, kw_only=True)
class Files:
    """What an installation adds to an environment: texts and links, by path.

    Texts that start with ``#!`` are programs. ``looked`` are directories whose entries are linked;
    ``left_out`` pairs of a program and the project whose it is, where others have one of that name.
    """

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    looked: list[Path] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def install(
    editables: Sequence[Editable],
    *,
    packages: str,
    repository: str,
    start: str,
    taken: Container[str] = (),
) -> Files:
    """Return the files that make projects importable and their programs runnable.

    ``packages`` is the directory of packages, relative to the environment; ``repository`` is where
    the repository is seen from it; ``start`` begins each script. ``taken`` holds paths of others,
    which stay. Raises ConfigError for a program that cannot be made, and for two projects with the
    same module.
    """
    files = Files()
    tree = _Tree(repository=repository, files=files)
    for one in editables:
        files.looked.extend(one.looked)
        for inside, place in one.layout.links:
            tree.wanted.setdefault(inside, []).append((one, place))
    tree.grow()
    files.links.update({f"{packages}/{inside}": to for inside, to in tree.links.items()})
    paths = [f"{repository}/{one.place(path)}" for one in editables for path in one.layout.paths]
    if paths:
        lines = "".join(f"{os.path.normpath(path)}\n" for path in dict.fromkeys(paths))
        files.texts[f"{packages}/checkout.pth"] = lines
    if tree.places or tree.spaces:
        text = _FINDER_TEXT.format(
            places=_literal(tree.places),
            spaces=_literal(tree.spaces),
        )
        files.texts[f"{packages}/{FINDER}.py"] = text
        files.texts[f"{packages}/{FINDER}.pth"] = f"import {FINDER}\n"
    for one in editables:
        scripts, links = _scripts(one, repository, start)
        known = (files.texts, files.links, taken)
        there = [path for path in (*scripts, *links) if any(path in paths for paths in known)]
        files.left_out.extend((path.removeprefix("bin/"), one.name) for path in there)
        free = {path: text for path, text in scripts.items() if path not in there}
        files.texts.update(free)
        files.links.update({path: to for path, to in links.items() if path not in there})
        if one.name:
            files.texts.update(_metadata(one, packages, repository, free))
    return files


def _literal(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=True)


@dataclass(kw_only=True)
class _Tree:
    """What is linked below site-packages; `grow` makes it from what projects want there."""

    repository: str
    files: Files
    wanted: dict[str, list[tuple[Editable, str]]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    spaces: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[str, tuple[Editable, Path]] = field(default_factory=dict)

    def grow(self) -> None:
        """Link everything; ConfigError where two projects have the same module."""
        for inside in sorted(self.wanted):
            for one, place in self.wanted[inside]:
                self._add(inside, one, place, depth=0)

    def _add(self, inside: str, one: Editable, place: str, depth: int) -> None:
        path = one.root / one.place(place)
        split = any(other.startswith(f"{inside}/") for other in self.wanted)
        kind = _kind(path) if depth < DEPTH else "data"
        if kind in {"package", "module"} and not split:
            self._link(inside, one, place)
        elif kind == "data" and not split:
            self._link(inside, one, place, known=False)
        else:
            self._enter(inside, one, place, depth)

    def _enter(self, inside: str, one: Editable, place: str, depth: int) -> None:
        """Link what lies in a directory that is not one project's alone."""
        path = one.root / one.place(place)
        self.files.looked.append(path)
        marked = any((path / mark).is_file() for mark in MARKS)
        if not marked and path.name == inside.rpartition("/")[2]:
            above = os.path.dirname(self._seen(one, place))
            spaces = self.spaces.setdefault(inside.replace("/", "."), [])
            if above not in spaces:
                spaces.append(above)
        for name in sorted(os.listdir(path)):
            child = f"{inside}/{name}"
            if child in self.wanted or any(fnmatchcase(name, pattern) for pattern in UNUSED):
                continue
            if name == "__init__.py" and _says(path / name, _OLD_NAMESPACE):
                continue  # wheels leave it out, for a namespace of PEP 420
            self._add(child, one, f"{place}/{name}", depth + 1)

    def _link(self, inside: str, one: Editable, place: str, *, known: bool = True) -> None:
        target, path = self._seen(one, place), one.root / one.place(place)
        if inside in self.owners and self.links[inside] != target:
            other, there = self.owners[inside]
            if not _alike(there, path):
                raise ConfigError(
                    f"`{other.source}` and `{one.source}` both hold the module "
                    f"`{_module(inside)}`, and an environment can have one of a name",
                    where=one.project.where,
                    hint="rename one of them, or keep the projects in separate environments",
                )
            return
        self.links[inside], self.owners[inside] = target, (one, path)
        if known and (source := _source(path, target)):
            self.places[_module(inside)] = source

    def _seen(self, one: Editable, place: str) -> str:
        return os.path.normpath(f"{self.repository}/{one.place(place)}")


def _kind(path: Path) -> str:
    """Return what lies at a path: a ``module``, ``package``, ``namespace``, or other ``data``."""
    if not path.is_dir():
        return "module" if path.name.endswith(MODULES) else "data"
    if any((path / mark).is_file() for mark in MARKS):
        return "namespace" if _says(path / MARKS[0], _SHARED) else "package"
    return "namespace" if _holds_modules(path) else "data"


def _holds_modules(path: Path) -> bool:
    for _, names, files in os.walk(path):
        names[:] = [name for name in names if not any(fnmatchcase(name, one) for one in UNUSED)]
        if any(file.endswith(MODULES) for file in files):
            return True
    return False


def _says(path: Path, pattern: re.Pattern[str]) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return bool(pattern.search(stream.read(1 << 14)))
    except OSError:
        return False


def _alike(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def _module(inside: str) -> str:
    """Return the name that something below site-packages is imported by."""
    above, _, last = inside.rpartition("/")
    stem = last.partition(".")[0] if last.endswith(MODULES) else last
    parts = [*above.split("/"), stem] if above else [stem]
    return ".".join(parts[:-1] if len(parts) > 1 and stem == "__init__" else parts)


def _source(path: Path, target: str) -> str:
    """Return the file that an import of this runs; nothing for stubs and data."""
    if path.is_dir():
        return f"{target}/{MARKS[0]}" if (path / MARKS[0]).is_file() else ""
    return target if target.endswith((".py", ".so")) else ""


def _scripts(one: Editable, repository: str, start: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the programs of a project as texts, and as links to files that are no Python."""
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    for program in one.points.programs(one.project.where):
        body = _SCRIPT.format(module=program.module, imported=program.imported, call=program.call)
        texts[f"bin/{program.name}"] = start + body
    for name, path in one.points.files.items():
        file = one.root / one.place(path)
        seen = os.path.normpath(f"{repository}/{one.place(path)}")
        if not file.is_file():
            raise ConfigError(
                f"`{one.name}` declares the script `{path}`, which does not exist",
                where=one.project.where,
            )
        with file.open("rb") as stream:
            python = b"python" in stream.readline(256) or name.endswith(".py")
        if python:
            texts[f"bin/{name}"] = start + _FILE_SCRIPT.format(path=seen)
        else:
            links[f"bin/{name}"] = seen
    return texts, links


def _metadata(
    one: Editable, packages: str, repository: str, scripts: Mapping[str, str]
) -> dict[str, str]:
    """Return the ``dist-info`` of a project."""
    info = f"{re.sub(r'[-_.]+', '_', one.name).lower()}-{one.version}.dist-info"
    url = PurePosixPath(os.path.normpath(f"{repository}/{one.source}")).as_uri()
    tops = sorted({inside.partition("/")[0].removesuffix(".py") for inside, _ in one.layout.links})
    files = {
        "METADATA": metadata(one.project, one.version),
        "WHEEL": WHEEL,
        "INSTALLER": "pipeline\n",
        "top_level.txt": "".join(f"{name}\n" for name in tops),
        # PEP 610
        "direct_url.json": json.dumps({"url": url, "dir_info": {"editable": True}}),
    }
    if one.points.text:
        files["entry_points.txt"] = one.points.text
    listed = {f"{info}/{name}": text for name, text in files.items()}
    listed |= {f"../../../{path}": text for path, text in scripts.items()}
    rows = [_row(path, text.encode()) for path, text in sorted(listed.items())]
    files["RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    return {f"{packages}/{info}/{name}": text for name, text in files.items()}


def _row(path: str, data: bytes) -> str:
    octets = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    quoted = f'"{path}"' if "," in path else path
    return f"{quoted},sha256={octets},{len(data)}\n"


def metadata(project: Project, version: str) -> str:
    """Return the text of ``METADATA`` (core metadata 2.1), as far as the project's files say it."""
    lines = ["Metadata-Version: 2.1", f"Name: {project.name}", f"Version: {version}"]
    if project.requires_python:
        lines.append(f"Requires-Python: {project.requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in project.dependencies or ()]
    for extra, requirements in project.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {one}" for one in _for_extra(extra, requirements)]
    return "\n".join([*lines, ""])


def _for_extra(extra: str, requirements: Iterable[str]) -> Iterator[str]:
    for requirement in requirements:
        # An address may have a semicolon in it: there only one after a space starts a marker.
        plain, _, marker = requirement.partition(" ;" if "@" in requirement else ";")
        both = f"({marker.strip()}) and " if marker else ""
        yield f'{plain.strip()} ; {both}extra == "{extra}"'
