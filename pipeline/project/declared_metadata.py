"""The metadata of a project as far as its ``pyproject.toml`` says it: no backend is asked.

For projects that are importable as they stand, so that tools which ask for their requirements or
their Python are answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.project.pyproject import Project


def declared_metadata(project: Project, version: str) -> str:
    """Return the text of ``METADATA`` (core metadata 2.1)."""
    lines = ["Metadata-Version: 2.1", f"Name: {project.name}", f"Version: {version}"]
    if project.requires_python:
        lines.append(f"Requires-Python: {project.requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in project.dependencies or ()]
    for extra, requirements in project.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            plain, _, marker = requirement.partition(";")
            both = f"({marker.strip()}) and " if marker else ""
            lines.append(f'Requires-Dist: {plain.strip()} ; {both}extra == "{extra}"')
    return "\n".join([*lines, ""])
