"""Projects of the repository that nothing names, and that no index may be asked for.

Which projects are ours is told by the stages and environments that name them. One that they leave
out would be looked for on an index, where anybody may put something of its name. So where an
environment that is resolved requires one, that is an error.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout.git import input_files
from pipeline.config.matrix import PROJECT_FILE
from pipeline.errors import ConfigError
from pipeline.project.pyproject import normal, read_project, requirement_name

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path


def unnamed(root: Path, named: Container[str]) -> dict[str, str]:
    """Return the directories of projects in the repository whose names are not among ``named``.

    What cannot be read as a project is none: it may be data of a test.
    """
    found: dict[str, str] = {}
    for file in map(PurePosixPath, input_files(root)):
        if file.name == PROJECT_FILE:
            source = file.parent.as_posix()
            with suppress(ConfigError):
                name = normal(read_project(root, source).name)
                if name and name not in named:
                    found.setdefault(name, source)
    return found


def refuse(environment: str, asked: Iterable[str], known: Mapping[str, str], where: str) -> None:
    """Raise ConfigError where an environment requires a project of ``known`` (`unnamed`)."""
    if found := _own(asked, known):
        name, source = found
        raise ConfigError(
            f"environment `{environment}` needs `{name}`, which is the project in "
            f"`{source}`, but nothing names that, so an index would be asked for it",
            where=where,
            hint=f"add `{source}` to the environment's `source`",
        )


def refuse_unbuilt(stage: str, asked: Iterable[str], known: Mapping[str, str], where: str) -> None:
    """Raise ConfigError where a stage installs a project of ``known`` that it has no wheel of."""
    if found := _own(asked, known):
        name, source = found
        raise ConfigError(
            f"stage `{stage}` installs `{name}`, which is the project in `{source}`, but needs no "
            "wheel of it, so an index would be asked for it",
            where=where,
            hint=f"add a stage that builds the wheel of `{source}` to its `needs`; with an axis "
            "`source` in both, what a project depends on is installed along",
        )


def _own(asked: Iterable[str], known: Mapping[str, str]) -> tuple[str, str] | None:
    names = (requirement_name(requirement)[0] for requirement in asked)
    return next(((name, known[name]) for name in names if name in known), None)
