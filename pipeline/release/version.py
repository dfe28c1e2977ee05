"""The version of a release, and the names made from it: tag, tag subject, commit subject.

The version file must hold the canonical spelling of PEP 440 (its appendix B), because the same
text goes into file names, metadata, the tag and the changelog, and two spellings of one version
are two names for one release. `packaging` is imported only to explain a refusal, so that reading
a good version costs nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CANONICAL = re.compile(
    r"([1-9][0-9]*!)?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*"
    r"(?P<pre>(a|b|rc)(0|[1-9][0-9]*))?"
    r"(\.post(0|[1-9][0-9]*))?"
    r"(?P<dev>\.dev(0|[1-9][0-9]*))?"
    r"(?P<local>\+[a-z0-9]+(\.[a-z0-9]+)*)?",
    re.ASCII,
)

MAXIMUM_BYTES = 4096
"""More than this in a version file means that it is some other file."""

FORBIDDEN_IN_TAGS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|/\.|\.lock(/|$)")
"""What git-check-ref-format(1) refuses; a leading dash besides, which reads as an option."""


def read_version(path: Path) -> str:
    """Return the version that stands in ``path``; white space around it does not count.

    Raises ConfigError when the file cannot be read or holds anything but one canonical version.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAXIMUM_BYTES).decode().strip()
    except OSError as error:
        raise ConfigError(
            f"the version cannot be read: {error.strerror}",
            where=path.name,
            hint="write the version into that file, or name another one as `project: {version: …}`",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the version file is not UTF-8 text", where=path.name) from error
    if not CANONICAL.fullmatch(text):
        raise ConfigError(
            f"`{text[:80]}` is not a canonical version (PEP 440)",
            where=path.name,
            hint=_advice(text),
        )
    return text


def _advice(text: str) -> str:
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - only for a refusal

    try:
        return f"write `{Version(text)}`"
    except InvalidVersion:
        return "write a version such as `1.2.0` or `1.2.0rc1`, alone in the file"


def is_prerelease(version: str) -> bool:
    """Tell whether a canonical ``version`` is an alpha, beta, candidate or development release."""
    match = CANONICAL.fullmatch(version)
    return bool(match and (match["pre"] or match["dev"]))


def is_local(version: str) -> bool:
    """Tell whether ``version`` carries a local part (``+cu128``), which no public index takes."""
    return "+" in version


def tag_name(pattern: str, version: str) -> str:
    """Return the tag of ``version`` by a pattern such as ``v{version}``.

    Raises ConfigError when the pattern lacks ``{version}`` or git would refuse the name.
    """
    if "{version}" not in pattern:
        raise ConfigError(
            f"the tag pattern `{pattern}` lacks `{{version}}`, so every release would be one tag",
            hint="write it as `v{version}`",
        )
    name = pattern.replace("{version}", version)
    if FORBIDDEN_IN_TAGS.search(name):
        raise ConfigError(
            f"`{name}` cannot be the name of a tag",
            hint="`git help check-ref-format` lists what a name must not hold",
        )
    return name


def tag_subject(tag: str, version: str) -> str:
    """Return the first line of the annotated tag, such as ``Release v1.2``."""
    return f"{'Pre-release' if is_prerelease(version) else 'Release'} {tag}"


def commit_subject(version: str) -> str:
    """Return the first line of the commit that cuts ``version``."""
    return f"release: {version}"
