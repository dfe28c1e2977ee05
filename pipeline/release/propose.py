"""Which version the news fragments call for, and why.

With `semver` a breaking change calls for a new major version, a feature for a minor one, all else
for a patch; before 1.0 a breaking change counts as a feature (https://semver.org, items 4 to 8).
With versions by date (https://calver.org) the date of the release says it, and a counter where
the pattern has one; a branch that bears the numbers of its line stays in that line. Both may be
asked for a pre-release, spelt as in PEP 440.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from pipeline.checkout import git, worktree
from pipeline.errors import ConfigError, ReleaseRefusedError
from pipeline.release import tags
from pipeline.release.fragments import list_fragments
from pipeline.release.version import is_prerelease

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from packaging.version import Version

    from pipeline.release.conditions import Scene
    from pipeline.release.fragments import Fragment
    from pipeline.release.settings import Settings


class Bump(IntEnum):
    """How much a version has to move."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


WORDS = {
    **dict.fromkeys(("breaking", "major", "incompatible", "removal", "removed"), Bump.MAJOR),
    **dict.fromkeys(("feature", "minor", "enhance", "enhancement", "added"), Bump.MINOR),
    **dict.fromkeys(("changed", "change", "deprecation", "deprecated"), Bump.MINOR),
}
"""What kinds call for by their usual words; any other calls for a patch. A kind's own ``bump`` in
towncrier's settings stands above it."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The version to release next. ``current`` stands in the version file, ``last`` was released.

    ``last`` is empty before the first release. ``reasons`` are sentences.
    """

    version: str
    current: str
    last: str
    reasons: tuple[str, ...]


def propose(scene: Scene, *, stage: str = "") -> Proposal:
    """Return the version that the fragments call for.

    ``stage`` asks for a pre-release: ``a``, ``b``, ``rc`` or ``dev``. Raises ReleaseRefusedError
    when there is nothing to release, ConfigError when a kind's ``bump`` is none.
    """
    found = list_fragments(scene.files, scene.settings)
    released = _released(scene)
    earlier = [one for one in released if not is_prerelease(one)]
    base = earlier[-1] if earlier else ""
    if not found and not (released and is_prerelease(released[-1])):
        raise ReleaseRefusedError(
            "there are no news fragments, so nothing calls for a release",
            hint="say what changed: `pipeline changes new`",
        )
    if scene.project.scheme == "semver":
        numbers, reasons = _by_meaning(scene, found, released, base)
    else:
        numbers, reasons = _by_date(scene, earlier)
    version = numbers if not stage else _prerelease(numbers, stage, released)
    last = released[-1] if released else ""
    return Proposal(version=version, current=scene.version, last=last, reasons=reasons)


def write(path: Path, version: str) -> None:
    """Write a version into its file, which keeps the white space around it as it was."""
    text = path.read_bytes().decode()
    bare = text.strip()
    path.write_bytes(text.replace(bare, version, 1).encode() if bare else version.encode())


def _released(scene: Scene) -> tuple[str, ...]:
    if not worktree.is_repository(scene.root) or not git.head(scene.root):
        return ()
    return tuple(one.version for one in tags.reachable(scene.root, scene.project.tag))


def bump_of(settings: Settings, word: str) -> Bump:
    """Return what a kind of note calls for; ConfigError when its ``bump`` is none."""
    declared = settings.kind(word).bump
    if not declared:
        return WORDS.get(word, Bump.PATCH)
    if declared.upper() in Bump.__members__:
        return Bump[declared.upper()]
    raise ConfigError(
        f"the kind `{word}` has the bump `{declared}`",
        where=settings.file,
        hint="`major`, `minor` or `patch`",
    )


def _by_meaning(
    scene: Scene, found: tuple[Fragment, ...], released: tuple[str, ...], base: str
) -> tuple[str, tuple[str, ...]]:
    if not base:
        first = tags.parsed(scene.version).base_version
        return first, (f"nothing final was released yet, and `{scene.project.version}` says so",)
    bump, reasons = _largest(scene.settings, found)
    old = tags.parsed(base)
    numbers = _bumped(old, bump)
    if bump is Bump.MAJOR and not old.major:
        reasons = (*reasons, "before 1.0 that makes a new minor version")
    ahead = [tags.parsed(one).base_version for one in released if is_prerelease(one)]
    highest = max(ahead, key=tags.parsed, default="")
    if highest and tags.parsed(highest) > tags.parsed(numbers):
        return highest, (*reasons, f"pre-releases of {highest} are out already")
    return numbers, reasons


def _largest(settings: Settings, found: tuple[Fragment, ...]) -> tuple[Bump, tuple[str, ...]]:
    bumps = {one.path: bump_of(settings, one.kind) for one in found}
    largest = max(bumps.values(), default=Bump.PATCH)
    paths = [path for path, bump in bumps.items() if bump is largest]
    if not paths:
        return largest, ("there are no fragments since the last pre-release",)
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    words = {Bump.MAJOR: "breaks something", Bump.MINOR: "adds something"}
    return largest, (f"`{paths[0]}`{more} {words.get(largest, 'repairs something')}",)


def _bumped(old: Version, bump: Bump) -> str:
    if bump is Bump.MAJOR and old.major:
        return f"{old.major + 1}.0.0"
    if bump in {Bump.MAJOR, Bump.MINOR}:
        return f"{old.major}.{old.minor + 1}.0"
    return f"{old.major}.{old.minor}.{old.micro + 1}"


def _by_date(scene: Scene, earlier: list[str]) -> tuple[str, tuple[str, ...]]:
    """Return the numbers of the release's day, or the next ones of the branch's own line."""
    parts = scene.project.scheme.split(".")
    dated = [part for part in parts if part != "MICRO"]
    numbers = [_number(part, scene.made.date) for part in dated]
    reason = f"the release is made on {scene.made.date} (UTC)"
    if line := _line_of(scene, len(dated)):
        numbers = line
        reason = f"the branch is of the line {'.'.join(map(str, line))}"
    same = [tags.parsed(one).release for one in earlier]
    taken = [one for one in same if list(one[: len(numbers)]) == numbers]
    text = ".".join(map(str, numbers))
    if "MICRO" in parts:
        counts = [one[len(numbers)] if len(one) > len(numbers) else 0 for one in taken]
        reasons = (reason, f"{len(taken)} of {text} are out") if taken else (reason,)
        return f"{text}.{max(counts, default=-1) + 1}", reasons
    if taken:
        raise ReleaseRefusedError(
            f"{text} is released already, and the scheme `{scene.project.scheme}` has no counter",
            hint="wait for the next date, or add `.MICRO` to the scheme",
        )
    return text, (reason,)


def _number(part: str, date: dt.date) -> int:
    return {"YYYY": date.year, "YY": date.year % 100, "MM": date.month, "DD": date.day}[part]


def _line_of(scene: Scene, length: int) -> list[int]:
    """Return the numbers that the branch bears (``26.8``, ``release/26.8``), if it bears any."""
    branch = git.branch(scene.root) if worktree.is_repository(scene.root) else ""
    match = re.fullmatch(rf"(?:.*/)?v?(\d+(?:\.\d+){{{length - 1}}})(?:\.x)?", branch)
    return [int(part) for part in match[1].split(".")] if match else []


def _prerelease(numbers: str, stage: str, released: tuple[str, ...]) -> str:
    """Return the next pre-release of a version: ``1.2.0rc2`` after ``1.2.0rc1``."""
    mark = ".dev" if stage == "dev" else stage
    pattern = re.compile(rf"{re.escape(numbers)}{re.escape(mark)}(\d+)")
    counts = [int(match[1]) for one in released if (match := pattern.fullmatch(one))]
    return f"{numbers}{mark}{max(counts, default=0 if stage != 'dev' else -1) + 1}"
