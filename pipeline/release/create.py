"""New news fragments: where they go and what they are called."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.files import atomic_write
from pipeline.release.fragments import list_fragments

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from pipeline.release.settings import Settings

SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SLUG_WORDS = 4


def require_kind(settings: Settings, kind: str) -> str:
    """Return ``kind``; UsageError with the kinds there are when it is none."""
    if kind in settings.words:
        return kind
    words = ", ".join(f"`{word}`" for word in settings.words)
    raise UsageError(
        f"`{kind}` is no kind of note",
        where=settings.file,
        hint=f"the kinds are {words}; towncrier's settings declare them",
    )


def section_directory(settings: Settings, section: str | None) -> str:
    """Return the directory of a section's fragments, relative to the root; UsageError.

    Without a section it is the first one that has no directory of its own, as towncrier has it.
    """
    if not settings.directory:
        raise UsageError(
            "towncrier's settings name no directory of fragments",
            where=settings.file,
            hint='add `directory = "changes"` to `[tool.towncrier]`',
        )
    if section is None:
        plain = (name for name, path in settings.sections.items() if not path)
        section = next(plain, next(iter(settings.sections)))
    if section not in settings.sections:
        names = ", ".join(f"`{name}`" for name in settings.sections)
        raise UsageError(f"there is no section `{section}`", hint=f"the sections are {names}")
    return f"{settings.directory}/{settings.sections[section]}".rstrip("/")


def stem_of(settings: Settings, issue: str, slug: str, text: str) -> str:
    """Return what a fragment's name begins with: the issue, or the prefix of orphans and a slug.

    The slug is made from the text unless it is given. UsageError when one of them cannot be part
    of a name, or when there can be no fragment without an issue.
    """
    if issue:
        pattern = settings.issue_pattern or r"[^.\s/\\+][^.\s/\\]*"
        if not re.fullmatch(pattern, issue) or "/" in issue:
            raise UsageError(
                f"`{issue}` cannot be an issue's number",
                hint="give the number of the issue or pull request, such as `--issue 123`",
            )
        return str(int(issue)) if issue.isdecimal() else issue
    if not settings.orphan:
        raise UsageError(
            "towncrier's settings allow no fragment without an issue (`orphan_prefix`)",
            where=settings.file,
            hint="name the issue with `--issue`",
        )
    slug = slug or _slug(text)
    if not SLUG.fullmatch(slug):
        raise UsageError(f"`{slug}` cannot be part of a name", hint="use letters, digits and `-`")
    return settings.orphan + slug


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words[:SLUG_WORDS])[:40].strip("-") or "change"


def free_name(stem: str, kind: str, tail: str, taken: Container[str]) -> str:
    """Return a file name that is not taken; further notes of one kind get a number."""
    name, number = f"{stem}.{kind}{tail}", 0
    while name in taken:
        number += 1
        name = f"{stem}.{kind}.{number}{tail}"
    return name


def create(root: Path, settings: Settings, directory: str, stem: str, kind: str, text: str) -> str:
    """Write a fragment and return its path, relative to the root; UsageError when it is empty."""
    if not text.strip():
        raise UsageError(
            "the note is empty, so the changelog would lack it",
            hint="say what a user will notice, with `--text` or on standard input",
        )
    taken = {path.name for path in (root / directory).glob("*")}
    if not stem.startswith(settings.orphan or "\0"):
        # Towncrier goes by issue, kind and number alone, whatever the ending.
        taken |= {
            f"{one.issue}.{one.kind}{one.tail}"
            for one in list_fragments(root, settings)
            if one.path.rpartition("/")[0] == directory
        }
    path = f"{directory}/{free_name(stem, kind, settings.extension, taken)}"
    (root / directory).mkdir(parents=True, exist_ok=True)
    end = "\n" if settings.final_newline else ""
    atomic_write(root / path, (text.strip() + end).encode())
    return path
