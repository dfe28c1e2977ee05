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

from pipeline.environments.linking import START, record_line, write
from pipeline.locking.entry_points import listed, programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.locking.project import Project
    from pipeline.store.trees import Entry

UNKNOWN_VERSION = "0+checkout"
"""The version where only the backend knows it."""

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
        return [str(self.directory), known.name, known.version, known.entry_points]


def add(editables: list[Editable], directory: Path, packages: str) -> Iterator[Entry]:
    """Write what makes projects importable and their programs runnable; yield what was written.

    ``packages`` is the directory of packages, relative to ``directory``.
    """
    # Of these two `site` takes what is there: both layouts of a project can be imported.
    places = [f"{one.directory}/src\n{one.directory}\n" for one in editables]
    yield write(directory, f"{packages}/checkout.pth", "".join(places).encode())
    taken: set[str] = set()
    for one in editables:
        scripts = list(_scripts(one.project, directory, taken))
        yield from scripts
        if one.project.name:
            yield from _metadata(one, directory, packages, scripts)


def _scripts(project: Project, directory: Path, taken: set[str]) -> Iterator[Entry]:
    for program in programs(project):
        path = directory / "bin" / program.name
        if not program.sound or program.name in taken or path.exists() or path.is_symlink():
            continue  # what it cannot be made for, a build of the wheel will refuse
        taken.add(program.name)
        text = SCRIPT.format(module=program.module, name=program.imported, call=program.call)
        data = START + b"\n" + text.encode()
        yield write(directory, f"bin/{program.name}", data, program=True)


def _metadata(
    one: Editable, directory: Path, packages: str, scripts: list[Entry]
) -> Iterator[Entry]:
    project = one.project
    version = project.version or UNKNOWN_VERSION
    name = re.sub(r"[-_.]+", "_", project.name).lower()
    info = f"{name}-{version}.dist-info"
    points = listed(project)
    url = {"url": one.directory.as_uri(), "dir_info": {"editable": True}}
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {version}\n",
        "INSTALLER": "pipeline\n",
        "direct_url.json": json.dumps(url),
        **({"entry_points.txt": points} if points else {}),
    }
    written = {
        f"{info}/{file}": write(directory, f"{packages}/{info}/{file}", text.encode())
        for file, text in texts.items()
    }
    written |= {f"../../../{entry.path}": entry for entry in scripts}
    yield from (entry for path, entry in written.items() if path.startswith(info))
    lines = [record_line(path, entry) for path, entry in sorted(written.items())]
    lines.append(record_line(f"{info}/RECORD", None))
    yield write(directory, f"{packages}/{info}/RECORD", "".join(lines).encode())
