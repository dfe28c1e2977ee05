"""Giving a fork a version of its own: that of its project with a local part (PEP 440).

Where a version stands is for each backend to say. We look where the common ones read it, and change
the text there; a version that is computed, such as from tags, is refused.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from pipeline.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
STATIC = re.compile(
    r"^\[project\]\s*$(?:(?!^\[).*\n)*?^version\s*=\s*(['\"])(?P<version>[^'\"\n]+)\1", re.MULTILINE
)
CONFIGURED = re.compile(
    r"^\[metadata\]\s*$(?:(?!^\[).*\n)*?^version\s*=\s*(?!attr:|file:)(?P<version>\S+)",
    re.MULTILINE,
)
HATCH = re.compile(
    r"^(?i:__version__|VERSION)(?: ?: ?str)? *= *(['\"])v?(?P<version>.+?)\1", re.MULTILINE
)
WHOLE = re.compile(r"\s*(?P<version>\S+)\s*")


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """A file that may say the version, and how it stands there."""

    file: str
    pattern: re.Pattern[str]


def give_local_version(root: Path, label: str) -> str:
    """Change the version of the project at ``root``, a copy, to one with the local part ``label``.

    Returns the version. Raises UsageError for what is no local part, ConfigError when the version
    is nowhere to be found.
    """
    if not LABEL.fullmatch(label):
        raise UsageError(
            f"`{label}` is no local part of a version",
            hint="use lower-case letters and digits with points between them, such as `acme1`",
        )
    for spot in _spots(root):
        path = root / spot.file
        found = spot.pattern.search(path.read_text(encoding="utf-8")) if path.is_file() else None
        if found:
            version = _with_local(found["version"], label, spot.file)
            text = found.string[: found.start("version")] + version
            path.write_text(text + found.string[found.end("version") :], encoding="utf-8")
            return version
    raise ConfigError(
        "the fork's version is computed, or stands where we do not look, so it cannot be given a "
        "local part",
        where=str(root / "pyproject.toml"),
        hint="write `version` into `[project]`; or build the sdist yourself with such a version, "
        "and add the file: `pipeline cache add FILE`",
    )


def _with_local(text: str, label: str, where: str) -> str:
    try:
        return f"{Version(text).public}+{label}"
    except InvalidVersion as error:
        raise ConfigError(f"`{text}` is no version (PEP 440)", where=where) from error


def _spots(root: Path) -> Iterator[_Spot]:
    """Yield where the version may stand, in the order that backends look."""
    yield _Spot(file="pyproject.toml", pattern=STATIC)
    document = _pyproject(root)
    yield from _hatch(_table(document, "tool", "hatch", "version"))
    dynamic = _table(document, "tool", "setuptools", "dynamic", "version")
    if isinstance(dynamic.get("file"), str):
        yield _Spot(file=dynamic["file"], pattern=WHOLE)
    if isinstance(dynamic.get("attr"), str):
        yield from _module(dynamic["attr"].rpartition(".")[0])
    yield _Spot(file="setup.cfg", pattern=CONFIGURED)
    if "flit" in str(_table(document, "build-system").get("build-backend", "")):
        named = _table(document, "tool", "flit", "module").get("name")
        yield from _module(str(named or _table(document, "project").get("name", "")))


def _hatch(table: dict[str, Any]) -> Iterator[_Spot]:
    if isinstance(table.get("path"), str):
        own = table.get("pattern")
        pattern = re.compile(own, re.MULTILINE) if isinstance(own, str) else HATCH
        if "version" in pattern.groupindex:
            yield _Spot(file=table["path"], pattern=pattern)


def _module(name: str) -> Iterator[_Spot]:
    """Yield where ``__version__`` of a module may stand."""
    path = name.replace("-", "_").replace(".", "/")
    for folder in ("", "src/"):
        for file in (f"{path}/__init__.py", f"{path}.py"):
            yield _Spot(file=folder + file, pattern=HATCH)


def _pyproject(root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"it is not valid TOML: {error}", where=str(path)) from error


def _table(document: dict[str, Any], *path: str) -> dict[str, Any]:
    found: object = document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
