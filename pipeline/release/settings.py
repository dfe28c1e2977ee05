"""Towncrier's settings of a project, read from its own files (its page "Configuration Reference").

Towncrier has no library interface that would tell them. Only what decides about fragments, notes
and their file is read; the rest is left to towncrier.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = ("towncrier.toml", "pyproject.toml")
"""Where towncrier looks, in its order."""

IGNORED = (".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst")
"""Names in the directory of fragments that towncrier never takes for one, in lower case."""

EXTENSIONS = (".md", ".rst")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fragment: the word in file names, its heading, and what towncrier does with it.

    ``shown`` is false where the notes give only the issue's number; ``checked`` is false where a
    fragment of this kind is not enough for a change. ``bump`` is ``major``, ``minor``, ``patch``
    or empty where the settings do not say (`pipeline.release.propose` then goes by the word).
    """

    word: str
    title: str
    shown: bool = True
    checked: bool = True
    bump: str = ""


DEFAULT_KINDS = (
    Kind(word="feature", title="Features"),
    Kind(word="bugfix", title="Bugfixes"),
    Kind(word="doc", title="Improved Documentation"),
    Kind(word="removal", title="Deprecations and Removals"),
    Kind(word="misc", title="Misc", shown=False),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What of towncrier's settings we go by.

    ``file`` holds them. ``directory`` is relative to the root, empty when it is not set;
    ``sections`` maps each section's name to its path below that. ``ignored`` are patterns of file
    names in lower case. ``name`` is the project's; empty when only a package is named.
    ``title`` is the format of a release's heading, empty where the template makes it. ``template``
    is a file of the repository, or empty. ``orphan`` begins the names of fragments without an
    issue.
    """

    file: str
    directory: str
    kinds: tuple[Kind, ...]
    sections: Mapping[str, str]
    ignored: tuple[str, ...]
    name: str
    package: str
    news: str
    single_file: bool
    start: str
    title: str
    template: str
    orphan: str
    issue_pattern: str
    extension: str
    final_newline: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all kinds."""
        return tuple(kind.word for kind in self.kinds)

    def kind(self, word: str) -> Kind:
        """Return a kind by its word."""
        return next(kind for kind in self.kinds if kind.word == word)


def read_settings(root: Path) -> Settings:
    """Return towncrier's settings of the project at ``root``; ConfigError when there are none."""
    for name in FILES:
        if (root / name).is_file():
            table = _load(root, name).get("tool", {}).get("towncrier")
            if table is not None:
                try:
                    return _settings(root, name, table)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise ConfigError(
                        f"towncrier's settings cannot be understood: {error!r}",
                        where=name,
                        hint="`towncrier build --draft` says more",
                    ) from error
            break  # towncrier, too, looks no further than the first file there is
    raise ConfigError(
        "towncrier has no settings here, so the changelog cannot be drafted",
        where=next((name for name in FILES if (root / name).is_file()), "pyproject.toml"),
        hint='add a `[tool.towncrier]` table with `directory = "changes"` and '
        '`filename = "CHANGELOG.md"`',
    )


def require_directory(settings: Settings, changes: str) -> None:
    """Raise ConfigError unless towncrier looks for fragments where the project declares them."""
    if not changes or settings.directory == changes.strip("/"):
        return
    raise ConfigError(
        f"towncrier reads fragments from `{settings.directory or '(unset)'}`, "
        f"the project declares `{changes}`",
        where=settings.file,
        hint=f'set `directory = "{changes}"` in `[tool.towncrier]`, or '
        "`project: {changes: …}` in `pipeline.yaml`",
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
    template = "" if ":" in template else template
    news = str(table.get("filename", "NEWS.rst"))
    extension = news[news.rfind(".") :].lower() if "." in news else ""
    own = (template.rpartition("/")[2].lower(),) if template else ()
    return Settings(
        file=file,
        directory=str(table.get("directory", "")).strip("/"),
        kinds=_kinds(table),
        sections={str(row.get("name", "")): str(row["path"]) for row in table["section"]}
        if "section" in table
        else {"": ""},
        ignored=(*IGNORED, *own, *(str(name).lower() for name in table.get("ignore") or ())),
        name=str(table.get("name", "") or project.get("name", "")),
        package=str(table.get("package", "")),
        news=news,
        single_file=bool(table.get("single_file", True)),
        start=str(table.get("start_string", "")) or _start(extension),
        title=str(table.get("title_format") or ""),
        template=template,
        orphan=str(table.get("orphan_prefix", "+")),
        issue_pattern=str(table.get("issue_pattern", "")),
        extension=extension
        if table.get("create_add_extension", True) and extension in EXTENSIONS
        else "",
        final_newline=bool(table.get("create_eof_newline", True)),
    )


def _start(extension: str) -> str:
    words = "towncrier release notes start"
    return f"<!-- {words} -->\n" if extension == ".md" else f".. {words}\n"


def _kinds(table: Mapping[str, Any]) -> tuple[Kind, ...]:
    if table.get("fragment"):
        rows = table["fragment"]
        return tuple(_kind(word, word.capitalize(), rows[word]) for word in sorted(rows))
    if table.get("type"):
        return tuple(
            _kind(str(row.get("directory", row["name"].lower())), str(row["name"]), row)
            for row in table["type"]
        )
    return DEFAULT_KINDS


def _kind(word: str, title: str, row: Mapping[str, Any]) -> Kind:
    return Kind(
        word=word,
        title=str(row.get("name", title)),
        shown=bool(row.get("showcontent", True)),
        checked=bool(row.get("check", True)),
        bump=str(row.get("bump", "")),
    )
