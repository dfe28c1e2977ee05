"""What cutting a release would do, decided without doing it.

`look` reads the checkout into a `Situation`, `decide` turns that into a `ReleaseDraft`, and the
draft prints as lines. Only `look` touches the world, and it only reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.checkout import git, worktree
from pipeline.checkout.remotes import push_command, upstream
from pipeline.process import printable
from pipeline.release.version import commit_subject, tag_name, tag_subject

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Project
    from pipeline.release.planned import PlannedRelease


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is the case: the coming names, and what git and the news fragments say.

    ``head`` is a commit and ``branch`` a name, each empty where there is none; ``upstream`` is
    that branch's name on the remote. ``tagged`` is the commit that already bears the tag, or
    empty. ``written`` and ``removed`` are the files of the commit. ``refused`` are the reasons
    why there can be none now (`pipeline.release.conditions`), ``aside`` those that count only for
    the real thing. ``listed`` is how many files the tag lists.
    """

    version: str
    tag: str
    is_repository: bool
    head: str = ""
    branch: str = ""
    upstream: str = ""
    tagged: str = ""
    remote: str = ""
    changes: tuple[git.Change, ...] = ()
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    listed: int = 0


@dataclass(frozen=True, kw_only=True)
class ReleaseDraft:
    """The commit and the tag that a real cut would make, and what forbids it now.

    ``written`` and ``removed`` are the files of that commit; ``push`` is what a person would run
    afterwards. ``blockers`` is empty when the release could be cut as things stand, by whoever
    sees to what is ``aside``.
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
    aside: tuple[str, ...] = ()
    listed: int = 0

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
            *((f"lists    {self.listed} files with their sha256",) if self.listed else ()),
            f"push     {self.push}",
            *(f"aside    {text}" for text in self.aside),
            *(f"blocked  {text}" for text in self.blockers),
        )


def look(
    root: Path,
    project: Project,
    *,
    version: str,
    planned: PlannedRelease | None = None,
    refused: tuple[str, ...] = (),
    aside: tuple[str, ...] = (),
    listed: int = 0,
) -> Situation:
    """Read the situation of the checkout at ``root``; errors of git and configuration pass on.

    ``planned`` is the commit as it would be, None where nothing is left to write.
    """
    tag = tag_name(project.tag, version)
    seen = Situation(
        version=version,
        tag=tag,
        is_repository=worktree.is_repository(root),
        written=tuple(planned.written) if planned else (),
        removed=planned.removed if planned else (),
        refused=refused,
        aside=aside,
        listed=listed,
    )
    if not seen.is_repository:
        return seen
    branch = git.branch(root)
    return replace(
        seen,
        head=git.head(root),
        branch=branch,
        upstream=upstream(root, branch) if branch else "",
        tagged=git.tags(root).get(tag, ""),
        remote=next(iter(git.remotes(root)), ""),
        changes=git.status(root),
    )


def decide(situation: Situation) -> ReleaseDraft:
    """Return what a real cut would do in this situation."""
    push = push_command(situation.remote or "REMOTE", situation.upstream or "BRANCH", situation.tag)
    return ReleaseDraft(
        version=situation.version,
        head=situation.head,
        branch=situation.branch,
        commit_subject=commit_subject(situation.version),
        tag=situation.tag,
        tag_subject=tag_subject(situation.tag, situation.version),
        written=situation.written,
        removed=situation.removed,
        push=printable(push),
        clean=not situation.changes,
        tag_exists=bool(situation.tagged),
        blockers=situation.refused,
        aside=situation.aside,
        listed=situation.listed,
    )
