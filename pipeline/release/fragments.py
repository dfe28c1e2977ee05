"""The news fragments of the coming release: which there are, and which towncrier would overlook.

Towncrier drops a file whose name it cannot read without a word. Its settings are read here, from
its own files, to say so before a release lacks a note.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.files import walk_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS_FILES = ("towncrier.toml", "pyproject.toml")
"""Where towncrier looks, in its order."""

DEFAULT_TYPES = frozenset({"feature", "bugfix", "doc", "removal", "misc"})

ALWAYS_IGNORED = (".*", "readme", "readme.md", "readme.rst")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What of towncrier's settings decides about fragments.

    ``directory`` is relative to the root, empty when it is not set. ``ignored`` are patterns of
    file names in lower case. ``name`` is the project's; empty when only a package is named.
    """

    file: str
    directory: str
    types: frozenset[str]
    ignored: tuple[str, ...]
    name: str
    package: str


@dataclass(frozen=True, kw_only=True)
class Fragments:
    """Paths relative to the root, sorted: what becomes a note, and what towncrier cannot read."""

    counted: tuple[str, ...]
    overlooked: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know before a release: files overlooked, or no note at all."""
        lines = tuple(
            f"`{path}` has no type that towncrier knows, so the notes would lack it"
            for path in self.overlooked
        )
        return lines if self.counted else (*lines, "there are no news fragments since the last tag")


def read_settings(root: Path) -> Settings:
    """Return towncrier's settings of the project at ``root``; ConfigError when there are none."""
    for name in SETTINGS_FILES:
        if (root / name).is_file():
            table = _load(root, name).get("tool", {}).get("towncrier")
            if table is not None:
                return _settings(root, name, table)
            break  # towncrier, too, looks no further than the first file there is
    raise ConfigError(
        "towncrier has no settings here, so the changelog cannot be drafted",
        where=next((name for name in SETTINGS_FILES if (root / name).is_file()), "pyproject.toml"),
        hint='add a `[tool.towncrier]` table with `directory = "changes"`',
    )


def _load(root: Path, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads((root / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"it cannot be read: {error}", where=name) from error


def _settings(root: Path, file: str, table: Mapping[str, Any]) -> Settings:
    project: Mapping[str, Any] = {}
    if (root / "pyproject.toml").is_file():
        project = _load(root, "pyproject.toml").get("project", {})
    template = str(table.get("template", ""))
    own = () if ":" in template or not template else (template.rpartition("/")[2].lower(),)
    return Settings(
        file=file,
        directory=str(table.get("directory", "")).strip("/"),
        types=_types(table),
        ignored=(*ALWAYS_IGNORED, *own, *(str(name).lower() for name in table.get("ignore", ()))),
        name=str(table.get("name", "") or project.get("name", "")),
        package=str(table.get("package", "")),
    )


def _types(table: Mapping[str, Any]) -> frozenset[str]:
    if "type" in table:
        rows = table["type"]
        return frozenset(str(row.get("directory", row.get("name", "").lower())) for row in rows)
    if table.get("fragment"):
        return frozenset(table["fragment"])
    return DEFAULT_TYPES


def find_fragments(root: Path, settings: Settings) -> Fragments:
    """Return the fragments below the configured directory; none when it does not exist."""
    counted: list[str] = []
    overlooked: list[str] = []
    directory = root / settings.directory
    for path in walk_files(directory) if settings.directory and directory.is_dir() else ():
        name = path.rpartition("/")[2]
        if any(fnmatch(name.lower(), pattern) for pattern in settings.ignored):
            continue
        has_type = not settings.types.isdisjoint(name.split(".")[1:])
        (counted if has_type else overlooked).append(f"{settings.directory}/{path}")
    return Fragments(counted=tuple(counted), overlooked=tuple(overlooked))


def fragments(root: Path) -> Fragments:
    """Return the news fragments of the project at ``root``, by towncrier's own settings."""
    return find_fragments(root, read_settings(root))
