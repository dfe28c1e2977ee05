"""What stands in the way of a release or of publishing one, all of it, each with what to do.

A draft shows these as lines and ends as the real thing would; that is refused by the first and
lists the others. They are asked before anything is built, and once more before the commit is made.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.checkout import commits, git, history, remotes, worktree
from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.release import journal as journals
from pipeline.release import lines, sections, tags
from pipeline.release.changelog import read_news
from pipeline.release.fragments import faults, list_fragments
from pipeline.release.listing import by_name_alone, listed
from pipeline.release.version import tag_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipeline.config.model import Project
    from pipeline.release.journal import Journal
    from pipeline.release.moment import Moment
    from pipeline.release.settings import Settings

SHOWN_CHANGES = 10
PATIENCE = 86_400
"""Seconds by which clocks of different people may disagree."""

UNTRACKED = "??"

UNTAGGED = "`--untagged` publishes what no tag lists"
NEW_VERSION = "`pipeline release propose` says which version comes next, `--write` writes it"


class Concern(Enum):
    """What an obstacle is about. The real thing is refused by any; in a draft it depends."""

    RELEASE = auto()
    """What would be released: a draft is blocked."""
    CHECKOUT = auto()
    """Where it would be released from: a draft is blocked, unless it is made for elsewhere."""
    MACHINE = auto()
    """Who would release it. Whoever drafts need not be able to, so a draft only tells it."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason why the release cannot be cut, or nothing can be published, as things stand."""

    what: str
    hint: str = ""
    concern: Concern = Concern.RELEASE

    def blocks_draft(self, *, anywhere: bool) -> bool:
        """Whether it counts in a draft; ``anywhere`` as `Concern.CHECKOUT` has it."""
        passed = {Concern.MACHINE, *([Concern.CHECKOUT] if anywhere else [])}
        return self.concern not in passed


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
        return (_of_checkout(what, "release from a clone"),)
    if not shutil.which("git"):
        what = "git is not installed, so nothing can be committed"
        return (_of_checkout(what, "install git (`apt install git`)"),)
    if not (head := git.head(scene.root)):
        return (_of_checkout("the repository has no commit yet", "commit the project first"),)
    return (*_of_the_checkout(scene, head), *_of_the_version(scene, head))


def content_obstacles(scene: Scene) -> tuple[Obstacle, ...]:
    """Return what forbids it by what the files hold, which are those of one commit."""
    if not worktree.is_repository(scene.root) or not (head := git.head(scene.root)):
        return ()
    return (*_of_the_changelog(scene), *_of_the_fragments(scene, head))


def _of_checkout(what: str, hint: str) -> Obstacle:
    return Obstacle(what=what, hint=hint, concern=Concern.CHECKOUT)


def refusal(found: Sequence[Obstacle]) -> ReleaseRefusedError | None:
    """Return the first obstacle as an error, with the others as detail; None without any."""
    if not found:
        return None
    others = tuple(f"also: {other.what}" for other in found[1:])
    return ReleaseRefusedError(found[0].what, hint=found[0].hint, detail=others)


def refuse(found: Sequence[Obstacle]) -> None:
    """Raise `refusal` when anything was found."""
    if error := refusal(found):
        raise error


def _of_the_checkout(scene: Scene, head: str) -> Iterator[Obstacle]:
    root = scene.root
    if history.is_shallow(root):
        what = "the clone is shallow, so earlier releases cannot be seen"
        yield _of_checkout(what, "get the rest: `git fetch --unshallow --tags`")
    if journal := journals.read(root):
        yield half_cut(journal)
    branch = git.branch(root)
    if not branch:
        what = "no branch is checked out, so the commit would belong to none"
        yield _of_checkout(what, "check out the branch to release from")
    elif not any(fnmatchcase(branch, pattern) for pattern in scene.project.branches):
        allowed = ", ".join(f"`{pattern}`" for pattern in scene.project.branches)
        what = f"the branch `{branch}` is none that is released from ({allowed})"
        yield _of_checkout(what, "check out another, or allow it: `project: {branches: …}`")
    if going_on := history.unfinished(root):
        what = f"git is in the middle of something (`{going_on}`)"
        yield _of_checkout(what, "`git status` says how to end it")
    if changes := foreign_changes(scene):
        yield _unclean(changes, "only the version file may differ")
    if not git.identity(root):
        what = "git does not know who commits"
        hint = "set `user.name` and `user.email` with `git config`"
        yield Obstacle(what=what, hint=hint, concern=Concern.MACHINE)
    if not scene.made.given and scene.made.seconds + PATIENCE < history.commit_time(root, head):
        now = dt.datetime.fromtimestamp(scene.made.seconds, tz=dt.UTC)
        what = f"the clock says {now:%Y-%m-%d %H:%M} UTC, which is before the last commit was made"
        yield _of_checkout(what, "set the clock, or name a moment with `SOURCE_DATE_EPOCH`")


def half_cut(journal: Journal) -> Obstacle:
    """Return that an earlier release was not finished: a draft only tells it."""
    return Obstacle(
        what=f"the release {journal.version} is half cut",
        hint="finish it with `pipeline run release`, or take it back: `pipeline release abort`",
        concern=Concern.MACHINE,
    )


def foreign_changes(scene: Scene) -> tuple[git.Change, ...]:
    """Return what is not clean and not ours.

    Ours is a changed version file, which is part of the release, and what runs left in `dist`.
    """
    own = history.prefix(scene.root) + scene.project.version
    return tuple(
        change
        for change in _changes(scene.root)
        if not (change.path == own and change.code.strip() in {"M", "MM"})
    )


def _changes(root: Path) -> tuple[git.Change, ...]:
    """Return what is not clean, without what runs left in `dist`."""
    made = f"{history.prefix(root)}dist/"
    return tuple(
        change
        for change in git.status(root)
        if not (change.path.startswith(made) and change.code == UNTRACKED)
    )


def _unclean(changes: Sequence[git.Change], why: str) -> Obstacle:
    shown = ", ".join(
        f"`{change.path}`" + (" (untracked)" if change.code == UNTRACKED else "")
        for change in changes[:SHOWN_CHANGES]
    )
    more = len(changes) - SHOWN_CHANGES
    what = f"the work tree is not clean: {shown}" + (f" and {more} more" if more > 0 else "")
    # Without the flag `git stash` leaves the untracked ones where they are.
    foreign = any(change.code == UNTRACKED for change in changes)
    how = "commit or stash them" + (" (`git stash --include-untracked`)" if foreign else "")
    return _of_checkout(what, f"{how}: {why}")


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
        found.append(_behind(branch, remote))
    return tuple(found)


def known_of_remote(scene: Scene, remote: str) -> tuple[Obstacle, ...]:
    """Return what a remote had against the release when it was fetched from last: offline."""
    branch = remotes.upstream(scene.root, git.branch(scene.root))
    fetched = history.commit_of(scene.root, f"refs/remotes/{remote}/{branch}") if branch else ""
    behind = fetched and not history.is_ancestor(scene.root, fetched, "HEAD")
    return (_behind(branch, remote),) if behind else ()


def _behind(branch: str, remote: str) -> Obstacle:
    return _of_checkout(
        f"`{branch}` on `{remote}` has commits that are not here", "`git pull` first"
    )


def tag_obstacles(
    root: Path, project: Project, version: str, stages: Iterable[str], *, builds: bool = True
) -> Iterator[Obstacle]:
    """Yield why the tag of a version does not say what stages may publish from this checkout.

    It says so where it is annotated, lists files for each of the stages, and is the tag of the
    very commit that is checked out. Where this run ``builds``, nothing may be changed besides; else
    only what git tracks counts.
    """
    tag = tag_name(project.tag, version)
    if not worktree.is_repository(root) or not shutil.which("git"):
        what = "this is no git repository, so no tag lists what may be published"
        yield _of_checkout(what, f"publish from a clone that stands at `{tag}`; {UNTAGGED}")
        return
    head = git.head(root)
    ref = f"refs/tags/{tag}"
    there = commits.tag_object(root, tag)
    if not there:
        yield _lacking(root, project, tag, version)
    elif history.object_kind(root, there) != "tag":
        what = f"the tag `{tag}` has no annotation here, and so no list of what may be published"
        yield Obstacle(what=what, hint=f"get the annotated one: `{_fetch(root, ref)}`; {UNTAGGED}")
    else:
        yield from _of_the_list(root, tag, stages)
    if there and (commit := history.commit_of(root, ref)) != head:
        what = (
            f"`{tag}` is the tag of {commit[:12] or 'no commit'}, and {head[:12]} is checked out, "
            "so it does not list what is built here"
        )
        yield _of_checkout(what, f"`git checkout {tag}`, or release another version; {UNTAGGED}")
    changes = [one for one in _changes(root) if builds or one.code != UNTRACKED]
    if there and changes:
        yield _unclean(changes, f"`{tag}` lists what its commit builds; {UNTAGGED}")


def _lacking(root: Path, project: Project, tag: str, version: str) -> Obstacle:
    if other := tags.other_tag(root, project.tag, version):
        return other_version(other, version)
    made = "`pipeline run release` makes it" if not history.is_shallow(root) else ""
    brings = f"`{_fetch(root, f'refs/tags/{tag}')}` brings it" if git.remotes(root) else ""
    ways = "; ".join(way for way in (brings, made, UNTAGGED) if way)
    return Obstacle(
        what=f"cannot find the tag `{tag}`, which would list what may be published", hint=ways
    )


def other_version(tag: str, version: str) -> Obstacle:
    """Return what forbids to publish a version from the commit of another one's tag."""
    return Obstacle(
        what=f"the commit is tagged `{tag}`, but its version is {version}",
        hint=f"check out the tag of {version}, or release with the version file changed first",
    )


def _of_the_list(root: Path, tag: str, stages: Iterable[str]) -> Iterator[Obstacle]:
    found = listed(history.body_of(root, tag))
    again = "`git tag --list --format='%(contents)' " + tag + "` shows it"
    if found is None:
        what = f"the tag `{tag}` ends with no list of files, so nothing may be published from it"
        yield Obstacle(
            what=what,
            hint=f"{again}; `pipeline run release` makes one with a list, "
            f"where the stage `release` needs what publishes; {UNTAGGED}",
        )
        return
    for stage in stages:
        if stage not in found:
            what = f"the tag `{tag}` lists no files of the stage `{stage}`"
            hint = f"{again}; a release lists the stages that `release` needs; {UNTAGGED}"
            yield Obstacle(what=what, hint=hint)
        elif bare := by_name_alone(found[stage]):
            what = f"the tag `{tag}` lists `{bare[0]}` without its sha256, so any bytes would do"
            hint = f"{again}; only compiled wheels may be listed by name; {UNTAGGED}"
            yield Obstacle(what=what, hint=hint)


def tag_of_remote(root: Path, remote: str, tag: str) -> tuple[tuple[Obstacle, ...], str]:
    """Return what forbids to publish from a tag that the remote has differently, and a remark.

    The remark is for what cannot be known, or for a tag that only this clone has.
    """
    ref = f"refs/tags/{tag}"
    try:
        there = remotes.remote_refs(root, remote, (ref,)).get(ref, "")
    except NetworkError as error:
        return (), f"whether `{remote}` has the same tag `{tag}` is not known: {error}"
    if not there:
        return (), f"`{remote}` has no tag `{tag}`, so nobody else can see what this was made of"
    if there == commits.tag_object(root, tag):
        return (), ""
    what = f"the tag `{tag}` on `{remote}` is another one than the tag here"
    return (Obstacle(what=what, hint=f"see why, then `{_fetch(root, ref)}`; {UNTAGGED}"),), ""


def _fetch(root: Path, ref: str) -> str:
    return f"git fetch --force {next(iter(git.remotes(root)), 'origin')} {ref}:{ref}"
