"""Several lines of releases side by side: what another line has released already.

A fix that is carried to a maintenance branch takes its fragment along. Once that branch has
released it, the same note must not be rendered a second time by the line it came from; instead
the other line's section of the changelog is merged back (`sync`), and the fragment goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import git, history
from pipeline.errors import ReleaseRefusedError, UsageError
from pipeline.files import atomic_write
from pipeline.release import changelog, sections, tags
from pipeline.release.fragments import list_fragments, read_fragment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.config.model import Project
    from pipeline.release.fragments import Fragment
    from pipeline.release.settings import Settings
    from pipeline.release.tags import Released


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A fragment of ours that another line has released, and the release it was."""

    path: str
    release: Released


@dataclass(frozen=True, kw_only=True)
class Sync:
    """What merging another line's changelog would do; paths are relative to the root.

    ``versions`` are the sections that come in, the highest first; ``text`` the changelog with
    them; ``removed`` the fragments whose notes they hold.
    """

    changelog: str
    versions: tuple[str, ...]
    text: str
    removed: tuple[str, ...]


def released_elsewhere(
    root: Path, settings: Settings, releases: Sequence[Released], files: Path | None = None
) -> tuple[Elsewhere, ...]:
    """Return our fragments whose text one of the releases of other lines has removed.

    The same content and kind counts, whatever the fragment is called by now. ``files`` is where
    the fragments are, if that is not the work tree.
    """
    mine = list_fragments(files or root, settings)
    if not mine or not releases:
        return ()
    by_commit = {release.commit: release for release in releases}
    gone = {
        (found.kind, removed.blob): by_commit[removed.commit]
        for removed in history.removed_by(root, tuple(by_commit), settings.directory)
        if (found := read_fragment(removed.path, "", settings))
    }
    if not gone:
        return ()
    return tuple(
        Elsewhere(path=fragment.path, release=gone[identity])
        for fragment in mine
        if (identity := (fragment.kind, _blob(root, fragment, files or root))) in gone
    )


def _blob(root: Path, fragment: Fragment, files: Path) -> str:
    return history.blob_of(root, (files / fragment.path).read_bytes(), path=fragment.path)


def plan_sync(root: Path, project: Project, settings: Settings, reference: str) -> Sync:
    """Return what merging the changelog of ``reference`` would do.

    UsageError when there is no such commit, ReleaseRefusedError when the changelog or a fragment
    that would go has changes that are not committed, ConfigError as `sections.read`.
    """
    commit = history.commit_of(root, reference)
    if not commit:
        raise UsageError(
            f"git knows no commit `{reference}` here",
            hint="fetch the other line first (`git fetch --tags`), then name its branch or tag",
        )
    news = settings.news
    text = history.file_text(root, commit, news) if settings.single_file else None
    if text is None:
        raise UsageError(
            f"`{reference}` has no changelog `{news}` that could be merged"
            if settings.single_file
            else "each release has a file of notes of its own, so there is nothing to merge",
            hint=f"take files over with `git checkout {reference} -- FILE`",
        )
    theirs = sections.read(text, settings, where=f"{reference}:{news}")
    ours = sections.read(changelog.read_news(root, news), settings, where=news)
    whole, versions = sections.merged(ours, theirs)
    here = {release.commit for release in tags.reachable(root, project.tag)}
    released = [r for r in tags.reachable(root, project.tag, commit) if r.commit not in here]
    gone = tuple(one.path for one in released_elsewhere(root, settings, released))
    _require_committed(root, (news, *gone) if versions else gone)
    return Sync(changelog=news, versions=versions, text=whole.text, removed=gone)


def _require_committed(root: Path, paths: Sequence[str]) -> None:
    prefix = history.prefix(root)
    changed = {change.path.removeprefix(prefix) for change in git.status(root)}
    if wrong := [path for path in paths if path in changed]:
        raise ReleaseRefusedError(
            f"`{wrong[0]}` has changes that are not committed, which merging could lose",
            hint="commit or stash them, then sync again",
        )


def carry_out(root: Path, sync: Sync) -> None:
    """Write the changelog, then remove the fragments; doing it again finishes what was begun."""
    if sync.versions:
        atomic_write(root / sync.changelog, sync.text.encode())
    for path in sync.removed:
        (root / path).unlink(missing_ok=True)
