"""The entry points that a project declares: its programs, and the file that lists all of them.

<https://packaging.python.org/specifications/entry-points/>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.project.pyproject import Project

PROGRAMS = ("console_scripts", "gui_scripts")

_OBJECT = re.compile(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(?:\[.*\])?\s*")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command and the object it calls; ``value`` is how the project writes that."""

    name: str
    value: str
    module: str
    call: str

    @property
    def imported(self) -> str:
        """What has to be imported from the module."""
        return self.call.partition(".")[0]

    @property
    def sound(self) -> bool:
        """Whether a script can be made for it."""
        return bool(self.module) and "/" not in self.name


def programs(project: Project) -> Iterator[Program]:
    """Yield a project's commands, those that no script can be made for among them."""
    for group in PROGRAMS:
        for name, value in project.entry_points.get(group, {}).items():
            match = _OBJECT.fullmatch(value)
            module, call = match.groups() if match else ("", "")
            yield Program(name=name, value=value, module=module, call=call)


def listed(project: Project) -> str:
    """Return the text of ``entry_points.txt``; empty where the project has none."""
    return "\n".join(
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""])
        for group, points in project.entry_points.items()
    )
