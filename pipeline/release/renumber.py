"""Placeholder fragments get their number once the pull request has one.

All new names are settled before the first file moves, against each other and against every file
there is, so that no note can take another one's place. When a file cannot be moved, those that
were are moved back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, UsageError
from pipeline.release.create import free_name, stem_of
from pipeline.release.fragments import list_fragments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.release.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """One file's old and new path, relative to the root."""

    old: str
    new: str


def plan_renumbering(
    root: Path, settings: Settings, issue: str, only: Sequence[str] | None = None
) -> tuple[Renaming, ...]:
    """Return the renamings that give placeholders the number of ``issue``, sorted by old path.

    ``only`` are the fragments meant, None for all that have no number. UsageError when one of
    them is no fragment or has a number already, or when the issue cannot be one.
    """
    stem = stem_of(settings, issue, "", "")
    found = {fragment.path: fragment for fragment in list_fragments(root, settings)}
    for path in only or ():
        if path not in found or not found[path].is_placeholder:
            raise UsageError(
                f"`{path}` is no fragment without a number",
                hint="`pipeline changes renumber --to NUMBER` alone takes all that have none",
            )
    meant = [path for path, one in found.items() if one.is_placeholder]
    renamings: list[Renaming] = []
    taken = {path.rpartition("/")[0]: _names(root, path) for path in found}
    for path in sorted(only if only is not None else meant):
        directory = path.rpartition("/")[0]
        fragment = found[path]
        tail = f".{fragment.tail.rpartition('.')[2]}" if fragment.tail else ""
        tail = "" if tail.removeprefix(".").isdecimal() else tail
        name = free_name(stem, fragment.kind, tail, taken[directory])
        taken[directory].add(name)
        renamings.append(Renaming(old=path, new=f"{directory}/{name}"))
    return tuple(renamings)


def _names(root: Path, path: str) -> set[str]:
    return {found.name for found in (root / path).parent.iterdir()}


def carry_out(root: Path, renamings: Sequence[Renaming]) -> None:
    """Move the files, all or none; PipelineError when one cannot be moved."""
    done: list[Renaming] = []
    try:
        for renaming in renamings:
            # A hard link, unlike a rename, fails where somebody was faster.
            (root / renaming.new).hardlink_to(root / renaming.old)
            done.append(renaming)
    except OSError as error:
        for renaming in done:
            (root / renaming.new).unlink(missing_ok=True)
        raise PipelineError(
            f"no fragment was renumbered, as `{renamings[len(done)].old}` cannot be moved: "
            f"{error.strerror}"
        ) from error
    for renaming in renamings:
        (root / renaming.old).unlink()
