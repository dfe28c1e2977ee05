"""What stands in the way of a release, all of it at once, each with what to do about it.

A draft shows these as lines; a real cut is refused by the first and lists the others. They are
asked before anything is built, and once more before the commit is made.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.checkout import git, history, remotes, worktree
from pipeline.errors import ReleaseRefusedError
from pipeline.release import journal as journals
from pipeline.release import lines, sections, tags
from pipeline.release.changelog import read_news
from pipeline.release.fragments import faults, list_fragments
from pipeline.release.version import tag_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.config.model import Project
    from pipeline.release.moment import Moment
    from pipeline.release.settings import Settings

SHOWN_CHANGES = 10
PATIENCE = 86_400
"""Seconds by which clocks of different people may disagree."""

NEW_VERSION = "`pipeline release propose` says which version comes next, `--write` writes it"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason why the release cannot be cut now."""

    what: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is to be released, from where.

    ``root`` is what git is asked about, ``files`` where the project's files are read: a copy of
    what the commit will hold, where a release is cut.
    """

    root: Path
    files: Path
    project: Project
    settings: Settings
    version: str
    made: Moment

    @property
    def tag(self) -> str:
        """The tag of the release."""
        return tag_name(self.project.tag, self.version)


def obstacles(scene: Scene) -> tuple[Obstacle, ...]:
    """Return what forbids the release, as far as it can be told without a network."""
    return (*repository_obstacles(scene), *content_obstacles(scene))


def repository_obstacles(scene: Scene) -> tuple[Obstacle, ...]:
    """Return what forbids it whatever the files hold: it may change until the release is cut."""
    if not worktree.is_repository(scene.root):
        what = "this is no git repository, so there is nothing to commit to"
        return (Obstacle(what=what, hint="release from a clone"),)
    if not shutil.which("git"):
        what = "git is not installed, so nothing can be committed"
        return (Obstacle(what=what, hint="install git (`apt install git`)"),)
    if not (head := git.head(scene.root)):
        return (Obstacle(what="the repository has no commit yet", hint="commit the project first"),)
    return (*_of_the_checkout(scene, head), *_of_the_version(scene, head))


def content_obstacles(scene: Scene) -> tuple[Obstacle, ...]:
    """Return what forbids it by what the files hold, which are those of one commit."""
    if not worktree.is_repository(scene.root) or not (head := git.head(scene.root)):
        return ()
    return (*_of_the_changelog(scene), *_of_the_fragments(scene, head))


def refuse(found: Sequence[Obstacle]) -> None:
    """Raise ReleaseRefusedError for the first obstacle, with the others as detail."""
    if found:
        raise ReleaseRefusedError(
            found[0].what,
            hint=found[0].hint,
            detail=tuple(f"also: {other.what}" for other in found[1:]),
        )


def _of_the_checkout(scene: Scene, head: str) -> Iterator[Obstacle]:
    root = scene.root
    if history.is_shallow(root):
        what = "the clone is shallow, so earlier releases cannot be seen"
        yield Obstacle(what=what, hint="get the rest: `git fetch --unshallow --tags`")
    if journal := journals.read(root):
        hint = "finish it with `pipeline run release`, or take it back: `pipeline release abort`"
        yield Obstacle(what=f"the release {journal.version} is half cut", hint=hint)
    branch = git.branch(root)
    if not branch:
        what = "no branch is checked out, so the commit would belong to none"
        yield Obstacle(what=what, hint="check out the branch to release from")
    elif not any(fnmatchcase(branch, pattern) for pattern in scene.project.branches):
        allowed = ", ".join(f"`{pattern}`" for pattern in scene.project.branches)
        what = f"the branch `{branch}` is none that is released from ({allowed})"
        yield Obstacle(what=what, hint="check out another, or allow it: `project: {branches: …}`")
    if going_on := history.unfinished(root):
        what = f"git is in the middle of something (`{going_on}`)"
        yield Obstacle(what=what, hint="`git status` says how to end it")
    if changes := foreign_changes(scene):
        hint = "commit or stash them; only the version file may differ"
        yield Obstacle(what=_unclean(changes), hint=hint)
    if not git.identity(root):
        what = "git does not know who commits"
        yield Obstacle(what=what, hint="set `user.name` and `user.email` with `git config`")
    if not scene.made.given and scene.made.seconds + PATIENCE < history.commit_time(root, head):
        now = dt.datetime.fromtimestamp(scene.made.seconds, tz=dt.UTC)
        what = f"the clock says {now:%Y-%m-%d %H:%M} UTC, which is before the last commit was made"
        yield Obstacle(what=what, hint="set the clock, or name a moment with `SOURCE_DATE_EPOCH`")


def foreign_changes(scene: Scene) -> tuple[git.Change, ...]:
    """Return what is not clean and not ours.

    Ours is a changed version file, which is part of the release, and what runs left in `dist`.
    """
    prefix = history.prefix(scene.root)
    own = prefix + scene.project.version
    return tuple(
        change
        for change in git.status(scene.root)
        if not (change.path == own and change.code.strip() in {"M", "MM"})
        and not (change.path.startswith(f"{prefix}dist/") and change.code == "??")
    )


def _unclean(changes: tuple[git.Change, ...]) -> str:
    shown = ", ".join(f"`{change.path}`" for change in changes[:SHOWN_CHANGES])
    more = len(changes) - SHOWN_CHANGES
    return f"the work tree is not clean: {shown}" + (f" and {more} more" if more > 0 else "")


def _of_the_version(scene: Scene, head: str) -> Iterator[Obstacle]:
    root, pattern = scene.root, scene.project.tag
    if at := git.tags(root).get(scene.tag):
        yield Obstacle(what=f"tag `{scene.tag}` exists already, at {at[:12]}", hint=NEW_VERSION)
        return
    earlier = tags.reachable(root, pattern, head)
    if earlier and tags.parsed(earlier[-1].version) > tags.parsed(scene.version):
        what = f"{scene.version} is older than {earlier[-1].version}, which was released here"
        yield Obstacle(what=what, hint=NEW_VERSION)


def _of_the_changelog(scene: Scene) -> Iterator[Obstacle]:
    if has_section(scene) and scene.tag not in git.tags(scene.root):
        what = f"the changelog has a section for {scene.version} already"
        yield Obstacle(what=what, hint=f"{NEW_VERSION}; or remove that section")


def has_section(scene: Scene) -> bool:
    """Tell whether the changelog has the notes of this version; ConfigError as `sections.read`."""
    news = scene.settings.news
    text = read_news(scene.files, news) if scene.settings.single_file else ""
    return bool(
        text.strip()
        and sections.read(text, scene.settings, where=news).section(scene.version) is not None
    )


def _of_the_fragments(scene: Scene, head: str) -> Iterator[Obstacle]:
    found = list_fragments(scene.files, scene.settings)
    for fault in faults(scene.files, scene.settings):
        yield Obstacle(what=f"`{fault.path}`: {fault.what}", hint=fault.hint)
    if not found:
        hint = "say what changed: `pipeline changes new`"
        yield Obstacle(what="there are no news fragments, so the notes would be empty", hint=hint)
    unclean = {change.path for change in git.status(scene.root)}
    prefix = history.prefix(scene.root)
    on_disk = list_fragments(scene.root, scene.settings)
    held = history.held_by(scene.root, head, [fragment.path for fragment in on_disk])
    for fragment in on_disk:
        if fragment.path not in held and prefix + fragment.path not in unclean:
            what = f"git ignores `{fragment.path}`, so the release would lack it"
            yield Obstacle(what=what, hint="`git add --force` it and commit it")
    others = tags.elsewhere(scene.root, scene.project.tag, head)
    for one in lines.released_elsewhere(scene.root, scene.settings, others, scene.files):
        what = f"`{one.path}` was released as part of {one.release.version} already"
        hint = f"merge those notes back: `pipeline changes sync {one.release.tag}`"
        yield Obstacle(what=what, hint=hint)


def remote_obstacles(scene: Scene, remote: str) -> tuple[Obstacle, ...]:
    """Return what a remote has against the release; NetworkError when it cannot be asked."""
    branch = remotes.upstream(scene.root, git.branch(scene.root))
    tag, head = f"refs/tags/{scene.tag}", f"refs/heads/{branch}"
    there = remotes.remote_refs(scene.root, remote, (tag, head))
    found = []
    if tag in there:
        what = f"`{remote}` has the tag `{scene.tag}` already"
        found.append(Obstacle(what=what, hint=f"`git fetch --tags {remote}` brings it here"))
    known = history.commit_of(scene.root, there.get(head, ""))
    if head in there and not (known and history.is_ancestor(scene.root, known, "HEAD")):
        what = f"`{branch}` on `{remote}` has commits that are not here"
        found.append(Obstacle(what=what, hint="`git pull` first"))
    return tuple(found)
