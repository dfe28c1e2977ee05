"""First-party projects in an environment: importable as they stand, with their entry points.

As an editable install leaves it (PEP 660), made from what ``pyproject.toml`` says alone: a
``.pth`` with the directories, the ``dist-info`` that other packages look entry points up in, and
the scripts. No backend runs, so what only a backend knows is not there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.environments.linking import START, own_entry, record_line
from pipeline.project.declared_metadata import declared_metadata
from pipeline.project.entry_points import listed, programs

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from pipeline.environments.blueprint import Own
    from pipeline.project.pyproject import Project

UNKNOWN_VERSION = "0+checkout"
"""The version where only the backend knows it."""

WHEEL = "Wheel-Version: 1.0\nGenerator: pipeline\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
"""What the wheel of an editable install says; installers take a project without it for broken."""

SCRIPT = """\
# -*- coding: utf-8 -*-
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.exit({call}())
"""


@dataclass(frozen=True, kw_only=True)
class Editable:
    """A project of the checkout and its directory."""

    directory: Path
    project: Project

    @property
    def identity(self) -> list[object]:
        """What an environment holds of it, as values for a key."""
        known = self.project
        extras = list(known.extras.items())
        told = [known.version, known.requires_python, known.dependencies, extras]
        return [str(self.directory), known.name, told, known.entry_points]


def added(editables: list[Editable], packages: str, taken: Container[str]) -> Iterator[Own]:
    """Yield the files that make projects importable and their programs runnable.

    ``packages`` is the directory of packages, relative to the environment; ``taken`` holds
    paths that are there already: their programs stay.
    """
    # Of these two `site` takes what is there: both layouts of a project can be imported.
    places = [f"{one.directory}/src\n{one.directory}\n" for one in editables]
    yield (f"{packages}/checkout.pth", "".join(places).encode(), False)
    ours: set[str] = set()
    for one in editables:
        scripts = list(_scripts(one.project, taken, ours))
        yield from scripts
        if one.project.name:
            yield from _metadata(one, packages, scripts)


def _scripts(project: Project, taken: Container[str], ours: set[str]) -> Iterator[Own]:
    for program in programs(project):
        if not program.sound or program.name in ours or f"bin/{program.name}" in taken:
            continue  # what it cannot be made for, a build of the wheel will refuse
        ours.add(program.name)
        text = SCRIPT.format(module=program.module, name=program.imported, call=program.call)
        yield (f"bin/{program.name}", START + b"\n" + text.encode(), True)


def _metadata(one: Editable, packages: str, scripts: list[Own]) -> Iterator[Own]:
    project = one.project
    version = project.version or UNKNOWN_VERSION
    name = re.sub(r"[-_.]+", "_", project.name).lower()
    info = f"{name}-{version}.dist-info"
    points = listed(project)
    url = {"url": one.directory.as_uri(), "dir_info": {"editable": True}}
    texts = {
        "METADATA": declared_metadata(project, version),
        "WHEEL": WHEEL,
        "INSTALLER": "pipeline\n",
        "direct_url.json": json.dumps(url),
        **({"entry_points.txt": points} if points else {}),
    }
    files = {f"{info}/{file}": text.encode() for file, text in texts.items()}
    yield from ((f"{packages}/{path}", data, False) for path, data in files.items())
    listing = {path: own_entry((path, data, False)) for path, data in files.items()}
    listing |= {f"../../../{script[0]}": own_entry(script) for script in scripts}
    rows = [record_line(path, entry) for path, entry in sorted(listing.items())]
    rows.append(record_line(f"{info}/RECORD", None))
    yield (f"{packages}/{info}/RECORD", "".join(rows).encode(), False)
