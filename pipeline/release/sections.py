"""A changelog as its sections, one for each release, so that two of them can be merged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.release.tags import parsed
from pipeline.release.version import CANONICAL

if TYPE_CHECKING:
    from pipeline.release.settings import Settings

UNDERLINE = re.compile(r"([=\-~^\"'#*+.:_`])\1{2,}\s*")
SETEXT, ATX = r"(?P<title>[^#\s].*)", r"#{1,3}\s+(?P<title>.+)"


@dataclass(frozen=True, kw_only=True)
class Section:
    """The notes of one release, heading included, as they stand in the file."""

    version: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Changelog:
    """A changelog: what stands above the notes (the start line included), and the sections.

    ``loose`` is what follows the start line before the first section.
    """

    head: str
    loose: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """The file's text."""
        return self.head + self.loose + "".join(section.text for section in self.sections)

    def section(self, version: str) -> Section | None:
        """Return the section of a version."""
        return next((one for one in self.sections if one.version == version), None)


def read(text: str, settings: Settings, *, where: str) -> Changelog:
    """Take a changelog apart; ConfigError when it lacks the line that notes go below."""
    head, start, body = text.partition(settings.start)
    if not start:
        raise ConfigError(
            "the changelog lacks the line that new notes go below",
            where=where,
            hint=f"add the line `{settings.start.strip()}` where they belong",
        )
    lines = body.splitlines(keepends=True)
    starts = [(at, version) for at in range(len(lines)) if (version := _heading(lines, at))]
    ends = [*(at for at, _ in starts[1:]), len(lines)][: len(starts)]
    first = starts[0][0] if starts else len(lines)
    return Changelog(
        head=head + start,
        loose="".join(lines[:first]),
        sections=tuple(
            Section(version=version, text="".join(lines[at:end]))
            for (at, version), end in zip(starts, ends, strict=True)
        ),
    )


def _heading(lines: list[str], at: int) -> str:
    """Return the version that a heading names; empty when the line is no heading of a release.

    A heading begins with at most three ``#``, or has a line of punctuation below it. The version
    is its first word that is one, after a ``v`` perhaps.
    """
    underlined = at + 1 < len(lines) and UNDERLINE.fullmatch(lines[at + 1].rstrip("\n"))
    match = re.fullmatch(SETEXT if underlined else ATX, lines[at].rstrip())
    words = re.split(r"[\s()\[\],]+", match["title"]) if match else []
    bare = (word.removeprefix("v") for word in words)
    return next((word for word in bare if "." in word and CANONICAL.fullmatch(word)), "")


def merged(ours: Changelog, theirs: Changelog) -> tuple[Changelog, tuple[str, ...]]:
    """Return ``ours`` with the sections that only ``theirs`` has, and their versions.

    A section goes above the first one of a lower version, so that both keep the order they had.
    """
    sections = list(ours.sections)
    added = []
    for section in reversed(theirs.sections):
        if ours.section(section.version) is None:
            version = parsed(section.version)
            place = next(
                (at for at, one in enumerate(sections) if parsed(one.version) < version),
                len(sections),
            )
            sections.insert(place, section)
            added.append(section.version)
    spaced = tuple(_spaced(section, last=section is sections[-1]) for section in sections)
    whole = Changelog(
        head=ours.head,
        loose=ours.loose or "\n",
        sections=spaced if added else ours.sections,
    )
    return (whole if added else ours), tuple(reversed(added))


def _spaced(section: Section, *, last: bool) -> Section:
    """Return a section with an empty line after it, unless it ends the file."""
    if last:
        return Section(version=section.version, text=section.text.rstrip("\n") + "\n")
    text = section.text if section.text.endswith("\n\n") else section.text.rstrip("\n") + "\n\n"
    return Section(version=section.version, text=text)
