"""What cutting a release would do, decided without doing it.

`look` reads the checkout into a `Situation`, `decide` turns that into a `ReleaseDraft`, and the
draft prints as lines. Only `look` touches the world, and it only reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import git, worktree
from pipeline.release.fragments import Fragments, fragments
from pipeline.release.version import commit_subject, tag_name, tag_subject

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Project

SHOWN_CHANGES = 10


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is the case: the coming names, and what git and the news fragments say.

    ``head`` is a commit and ``branch`` a name, each empty where there is none. ``tagged`` is the
    commit that already bears the tag, or empty. ``refused`` are reasons found elsewhere, such as
    a file that the index would not take.
    """

    version: str
    tag: str
    changelog: str
    is_repository: bool
    head: str = ""
    branch: str = ""
    tagged: str = ""
    identity: str = ""
    remote: str = ""
    changes: tuple[git.Change, ...] = ()
    fragments: Fragments
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseDraft:
    """The commit and the tag that a real cut would make, and what forbids it now.

    ``written`` and ``removed`` are the files of that commit; ``push`` is what a person would run
    afterwards. ``blockers`` is empty when the release could be cut as things stand; ``remarks``
    do not forbid it.
    """

    version: str
    head: str
    branch: str
    commit_subject: str
    tag: str
    tag_subject: str
    written: tuple[str, ...]
    removed: tuple[str, ...]
    push: str
    clean: bool
    tag_exists: bool
    blockers: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The draft for a person to read."""
        onto = f"{self.branch or '(detached)'} at {self.head[:12] or '(no commit)'}"
        return (
            f"commit   {self.commit_subject}",
            f"onto     {onto}",
            *(f"writes   {path}" for path in self.written),
            *(f"removes  {path}" for path in self.removed),
            f"tag      {self.tag} ({self.tag_subject})",
            f"push     {self.push}",
            *(f"remark   {text}" for text in self.remarks),
            *(f"blocked  {text}" for text in self.blockers),
        )


def look(root: Path, project: Project, *, version: str, refused: tuple[str, ...] = ()) -> Situation:
    """Read the situation of the checkout at ``root``; errors of git and configuration pass on."""
    tag = tag_name(project.tag, version)
    notes = fragments(root)
    if not worktree.is_repository(root):
        return Situation(
            version=version,
            tag=tag,
            changelog=project.changelog,
            is_repository=False,
            fragments=notes,
            refused=refused,
        )
    return Situation(
        version=version,
        tag=tag,
        changelog=project.changelog,
        is_repository=True,
        head=git.head(root),
        branch=git.branch(root),
        tagged=git.tags(root).get(tag, ""),
        identity=git.identity(root),
        remote=next(iter(git.remotes(root)), ""),
        changes=git.status(root),
        fragments=notes,
        refused=refused,
    )


def decide(situation: Situation) -> ReleaseDraft:
    """Return what a real cut would do in this situation."""
    return ReleaseDraft(
        version=situation.version,
        head=situation.head,
        branch=situation.branch,
        commit_subject=commit_subject(situation.version),
        tag=situation.tag,
        tag_subject=tag_subject(situation.tag, situation.version),
        written=(situation.changelog,),
        removed=situation.fragments.counted,
        push=f"git push {situation.remote or 'REMOTE'} "
        f"{situation.branch or 'BRANCH'} {situation.tag}",
        clean=not situation.changes,
        tag_exists=bool(situation.tagged),
        blockers=_blockers(situation),
        remarks=situation.fragments.remarks,
    )


def _blockers(situation: Situation) -> tuple[str, ...]:
    if not situation.is_repository:
        return ("this is no git repository, so there is nothing to commit to", *situation.refused)
    reasons: list[str] = []
    if not situation.head:
        reasons.append("the repository has no commit yet")
    if not situation.branch:
        reasons.append("no branch is checked out, so the commit would belong to none")
    if situation.changes:
        reasons.append(_unclean(situation.changes))
    if situation.tagged:
        reasons.append(f"tag `{situation.tag}` exists already, at {situation.tagged[:12]}")
    if not situation.identity:
        reasons.append("git does not know who commits: set `user.name` and `user.email`")
    return (*reasons, *situation.refused)


def _unclean(changes: tuple[git.Change, ...]) -> str:
    shown = ", ".join(f"`{change.path}`" for change in changes[:SHOWN_CHANGES])
    more = len(changes) - SHOWN_CHANGES
    return f"the work tree is not clean: {shown}" + (f" and {more} more" if more > 0 else "")
