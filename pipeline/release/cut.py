"""Cutting a release: commit, tag, branch, index and work tree, in that order.

The commit is made first, where nobody sees it, and the journal after it. Then the tag is made,
then the branch moves, if it is still where it was; then our files in index and work tree follow.
Each step looks at what is, so that it can be done again: whoever was interrupted runs all of them
once more (`finish`), or takes all of them back (`undo`). A file that a person has changed in the
meantime is left as it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checkout import commits, git, history, remotes
from pipeline.checkout.history import Held
from pipeline.errors import PipelineError, ReleaseRefusedError
from pipeline.release import journal as journals
from pipeline.release.journal import Journal, Touched
from pipeline.release.listing import with_files
from pipeline.release.placing import backwards, forwards, place
from pipeline.release.version import commit_subject, tag_subject

if TYPE_CHECKING:
    from pipeline.release.planned import PlannedRelease

UNDO = "`pipeline release abort` takes back what was done so far"


def cut(root: Path, planned: PlannedRelease, *, kept: str) -> Journal:
    """Cut a release; ``kept`` is the version file, whose content is the person's own.

    Raises PipelineError and leaves everything as it was, when a step fails. Interrupted by
    anything else it leaves the journal, with which `finish` and `undo` go on.
    """
    journal = _begin(root, planned, kept)
    try:
        finish(root, journal)
    except PipelineError:
        undo(root, journal)
        raise
    return journal


def _begin(root: Path, planned: PlannedRelease, kept: str) -> Journal:
    parent, branch = git.head(root), git.branch(root)
    paths = (*planned.written, *planned.removed)
    before, index = history.held_by(root, parent, paths), history.held_by_index(root, paths)
    after: dict[str, Held | None] = dict.fromkeys(planned.removed)
    for path, data in planned.written.items():
        mode = before[path].mode if path in before else commits.DEFAULT_MODE
        after[path] = Held(mode=mode, blob=history.blob_of(root, data, write=True))
    subject = commit_subject(planned.version)
    with tempfile.TemporaryDirectory(prefix="pipeline-release-") as scratch:
        commit = commits.make_commit(root, parent, subject, files=after, scratch=Path(scratch))
    title = tag_subject(planned.tag, planned.version)
    journal = Journal(
        version=planned.version,
        tag=planned.tag,
        branch=branch,
        parent=parent,
        commit=commit,
        message=f"{title}\n\n{with_files(planned.notes, planned.files)}",
        files=tuple(
            Touched(
                path=path,
                before=before.get(path),
                index=index.get(path),
                after=after[path],
                kept=path == kept,
            )
            for path in paths
        ),
    )
    journals.write(root, journal)
    return journal


def finish(root: Path, journal: Journal) -> None:
    """Do what is left to do, and forget the journal unless it is being pushed.

    ReleaseRefusedError when the tag or the branch is somewhere else by now.
    """
    _tag(root, journal)
    _move(root, journal)
    if git.branch(root) == journal.branch:
        place(root, forwards(journal.files))
    if not journal.remote:
        journals.forget(root)


def _tag(root: Path, journal: Journal) -> None:
    if not commits.tag_object(root, journal.tag):
        commits.make_tag(root, journal.tag, journal.commit, journal.message)
    elif history.commit_of(root, f"refs/tags/{journal.tag}") != journal.commit:
        raise ReleaseRefusedError(f"somebody else made the tag `{journal.tag}`", hint=UNDO)


def _move(root: Path, journal: Journal) -> None:
    at = commits.branch_commit(root, journal.branch)
    if at == journal.parent:
        reason = commit_subject(journal.version)
        commits.move_branch(
            root, journal.branch, to=journal.commit, expected=journal.parent, reason=reason
        )
    elif not history.is_ancestor(root, journal.commit, at or journal.parent):
        raise ReleaseRefusedError(
            f"the branch `{journal.branch}` has moved on to {at[:12] or 'nothing'}", hint=UNDO
        )


def undo(root: Path, journal: Journal) -> None:
    """Take everything back, and forget the journal.

    ReleaseRefusedError, and nothing is taken back, when others may have it already: it was pushed,
    or something was committed on top of it. NetworkError when the remote cannot be asked.
    """
    at = commits.branch_commit(root, journal.branch)
    _require_private(root, journal, at)
    if history.commit_of(root, f"refs/tags/{journal.tag}") == journal.commit:
        commits.remove_tag(root, journal.tag, commits.tag_object(root, journal.tag))
    if at == journal.commit:
        commits.move_branch(
            root,
            journal.branch,
            to=journal.parent,
            expected=journal.commit,
            reason=f"undo {commit_subject(journal.version)}",
        )
    if git.branch(root) == journal.branch:
        place(root, backwards(journal.files))
    journals.forget(root)


def _require_private(root: Path, journal: Journal, at: str) -> None:
    if at not in {journal.commit, ""} and history.is_ancestor(root, journal.commit, at):
        raise ReleaseRefusedError(
            f"something was committed on top of the release, so it is not undone: {at[:12]}",
            hint="run `pipeline run release` to finish it instead",
        )
    tag = f"refs/tags/{journal.tag}"
    if journal.remote and tag in remotes.remote_refs(root, journal.remote, (tag,)):
        raise ReleaseRefusedError(
            f"`{journal.remote}` has the tag `{journal.tag}`, so the release is public",
            hint="run `pipeline run release` to finish it instead",
        )
