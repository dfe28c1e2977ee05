"""First-party packages as they are mounted: where their sources are, what an installer would add.

Nothing of a project is run. What only its backend could tell (a version that is computed) is
replaced by what the repository says, and else by ``0``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.dev.layout import Layout, find
from pipeline.errors import ConfigError, UsageError
from pipeline.project.declared_metadata import declared_metadata
from pipeline.project.entry_points import listed, programs
from pipeline.project.pyproject import FILE, normal, requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.locking.workspace import Members
    from pipeline.project.pyproject import Project

UNKNOWN = "0"
"""The version of a project that says none."""

SETUPTOOLS = "setuptools"
COMPILING = ("maturin", "mesonpy", "scikit_build_core")
"""Backends that nobody takes for a project without something to compile."""
_EXTENSIONS = re.compile(r"\b(?:ext_modules|cffi_modules|rust_extensions|cythonize|Extension)\b")

_SCRIPT = """\
#!/env/bin/python
import sys

from {module} import {first}

if __name__ == "__main__":
    sys.exit({object}())
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution of the repository, mounted from its sources.

    ``source`` is its directory in the repository; ``requirements`` are what it depends on, with
    the extras of it that others ask for; ``compiled`` names the backend of a project that has
    modules to compile.
    """

    source: str
    project: Project
    version: str
    layout: Layout
    requirements: tuple[str, ...] = ()
    compiled: str = ""

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return self.project.name

    def place(self, path: str) -> str:
        """Return a path of the project as one of the repository."""
        return path if self.source == "." else f"{self.source}/{path}"

    @property
    def mounts(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a path below site-packages and the directory of the repository seen there."""
        return tuple((inside, self.place(path)) for inside, path in self.layout.packages)


def chosen(members: Members, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the directories of the projects called so; UsageError for a name that is none's."""
    found = []
    for name in wanted:
        if normal(name) not in members.places:
            known = ", ".join(f"`{known}`" for known in members.places) or "none"
            raise UsageError(
                f"there is no package `{name}` in this repository",
                hint=f"those that `pipeline.yaml` names: {known}",
            )
        found.append(members.places[normal(name)])
    return tuple(found)


def closed(members: Members, sources: Iterable[str]) -> tuple[Package, ...]:
    """Return the packages in these directories and those of the repository they depend on.

    Sorted by directory. A directory that declares no project is left out.
    """
    found: dict[str, dict[str, None]] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    pending: list[tuple[str, tuple[str, ...]]] = [(source, ()) for source in sources]
    while pending:
        source, extras = one = pending.pop()
        project = members.read(source)
        if one in seen or not project.name:
            continue
        seen.add(one)
        wanted = tuple(_requirements(project, extras))
        found.setdefault(source, {}).update(dict.fromkeys(wanted))
        names = (requirement_name(requirement) for requirement in wanted)
        pending += [(members.places[name], more) for name, more in names if name in members.places]
    return tuple(
        replace(read(members.root, source, members.read(source)), requirements=tuple(found[source]))
        for source in sorted(found)
    )


def _requirements(project: Project, extras: Iterable[str]) -> Iterator[str]:
    yield from project.dependencies or ()
    for extra in extras:
        if extra in project.extras:
            yield from project.extra_requires(extra)


def read(root: Path, source: str, project: Project) -> Package:
    """Return the package of a project that has a name; ConfigError when its tables are wrong."""
    import tomllib  # noqa: PLC0415 - as where the lock reads projects

    document = tomllib.loads((root / source / FILE).read_text(encoding="utf-8"))
    tool = document.get("tool", {})
    return Package(
        source=source,
        project=project,
        version=project.version or _version(root, source),
        layout=find(root / source, project.name, tool),
        compiled=_compiled(root / source, project.backend.partition(".")[0], tool),
    )


def _compiled(directory: Path, backend: str, tool: Mapping[str, object]) -> str:
    """Return the backend of a project with modules to compile, as far as its text tells."""
    if backend != SETUPTOOLS:
        return backend if backend in COMPILING else ""
    match tool:
        case {"setuptools": {"ext-modules": [_, *_]}}:
            return backend
        case _:
            try:
                text = (directory / "setup.py").read_text(encoding="utf-8", errors="replace")
            except OSError:
                return ""
            return backend if _EXTENSIONS.search(text) else ""


def _version(root: Path, source: str) -> str:
    """Return what the nearest file ``VERSION`` says."""
    for directory in (root / source, root):
        try:
            found = (directory / "VERSION").read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if re.fullmatch(r"[0-9][A-Za-z0-9.+!_-]*", found):
            return found
    return UNKNOWN


def installed(package: Package, *, python: str, repository: str) -> dict[str, str]:
    """Return the files that an installer would add to ``/env``, by their paths there.

    ``python`` is ``3.11`` and ``repository`` where the repository is mounted. There is no RECORD:
    nobody is to uninstall it.
    """
    packages = f"lib/python{python}/site-packages"
    escaped = normal(package.name).replace("-", "_")
    info = f"{packages}/{escaped}-{package.version}.dist-info"
    top = sorted({inside.partition("/")[0] for inside, _ in package.layout.packages})
    url = f"file://{repository}/{package.source}".removesuffix("/.")
    files = {
        f"{info}/METADATA": declared_metadata(package.project, package.version),
        f"{info}/INSTALLER": "pipeline\n",
        f"{info}/top_level.txt": "".join(f"{name}\n" for name in top),
        # PEP 610
        f"{info}/direct_url.json": json.dumps({"dir_info": {"editable": True}, "url": url}),
    }
    if points := listed(package.project):
        files[f"{info}/entry_points.txt"] = points
    if package.layout.paths:
        lines = (f"{repository}/{package.place(path)}\n" for path in package.layout.paths)
        files[f"{packages}/__editable__.{escaped}.pth"] = "".join(lines)
    return files | dict(_scripts(package))


def _scripts(package: Package) -> Iterator[tuple[str, str]]:
    for program in programs(package.project):
        if not program.sound:
            raise ConfigError(
                f"the program `{program.name}` of `{package.name}` stands for `{program.value}`, "
                "which is no `module:object`",
                where=package.project.where,
            )
        yield (
            f"bin/{program.name}",
            _SCRIPT.format(module=program.module, first=program.imported, object=program.call),
        )
