"""A run that leads to a release: what it is built from, and what is left of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.checkout import git, worktree
from pipeline.checkout.differences import differences
from pipeline.checkout.snapshot import (
    IncompleteCommitError,
    change,
    changed_paths,
    copy_files,
    declarations,
    lay_out,
)
from pipeline.errors import ReleaseRefusedError, UsageError
from pipeline.execute.report import CellReport, RunReport
from pipeline.release.conditions import Scene, content_obstacles
from pipeline.release.push import remote_of, require_remote
from pipeline.release.settings import read_settings
from pipeline.release.version import read_version
from pipeline.stages.release import require_clear, require_welcome, resume
from pipeline.stages.releasing import Releasing, prepare

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session


def check_flags(arguments: argparse.Namespace, stage: str) -> None:
    """Raise UsageError when ``--push`` stands where nothing can be pushed."""
    if not arguments.push:
        return
    if not stage:
        raise UsageError(
            "`--push` is about a release, and no stage of this run cuts one",
            hint="name a stage of kind `release`, or leave the flag out",
        )
    if arguments.draft or arguments.offline:
        other = "--draft" if arguments.draft else "--offline"
        raise UsageError(f"`--push` and `{other}` do not go together", hint="leave one out")


def scene(session: Session) -> Scene:
    """Return what is to be released; ConfigError when version or towncrier's settings are wrong."""
    project = session.pipeline.project
    return Scene(
        root=session.root,
        files=session.files,
        project=project,
        settings=read_settings(session.files),
        version=read_version(session.files / project.version),
        made=session.moment,
    )


def take_commit(session: Session, *, notes: bool) -> None:
    """Let the session work on what the commit checked out holds, in place of what is on disk.

    Where ``git status`` tells of changes, they are taken as a commit of them would have them, so
    that a draft shows what is being worked on; ``notes`` adds new fragments. Outside of git it is
    the files themselves. ReleaseRefusedError where the commit is not here as a whole, or lacks a
    declaration that is on disk.
    """
    root, copy = session.root, session.scratch("commit") / "a copy of the commit"
    if not worktree.is_repository(root):
        session.work_on(copy_files(session.checkout, copy))
        return
    ignored = git.ignored_files(root, (*declarations(root), session.pipeline.project.version))
    if ignored:
        raise ReleaseRefusedError(
            f"git ignores `{ignored[0]}`, so no commit has it and nobody else could build this",
            hint=f"`git add --force {ignored[0]}` and commit it, or remove it",
        )
    wanted = (read_settings(root).directory,) if notes else ()
    changed, head = changed_paths(root, wanted), git.head(root)
    if head and not changed and (other := differences(root, head)):
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        session.console.info(f"{other[0]}{more}; the commit counts")
    try:
        session.work_on(lay_out(root, head, copy, changed))
    except IncompleteCommitError as error:
        raise ReleaseRefusedError(error.message, hint=error.hint, detail=error.detail) from error


def resumed(arguments: argparse.Namespace, session: Session, stage: str) -> RunReport | None:
    """Finish what an earlier run began, instead of beginning anew; None when it left nothing."""
    if arguments.draft or not worktree.is_repository(session.root):
        return None
    said = resume(scene(session), push=arguments.push)
    if said is None:
        return None
    session.console.info("nothing is built: this release was begun by an earlier run")
    cell = CellReport(
        stage=stage, cell=stage, key="", status="done", text=said.text, data=said.data
    )
    return RunReport(cells=(cell,), seconds=0.0)


def prepared(arguments: argparse.Namespace, session: Session) -> Releasing:
    """Plan the release, and let the session see lock and files as the tag will have them.

    ReleaseRefusedError when a release that is no draft is forbidden: before anything is built.
    """
    take_commit(session, notes=True)
    what = scene(session)
    releasing = Releasing(
        scene=what,
        release=None,
        obstacles=content_obstacles(what),
        push=arguments.push,
        anywhere=arguments.anywhere,
    )
    if not arguments.draft:
        require_clear(releasing)
        releasing = replace(releasing, remote=_remote(arguments, session))
        require_welcome(releasing)
    release = prepare(releasing.scene, session.lock, session.scratch("release"))
    if release is None:
        return releasing
    change(session.files, release.written, release.removed)
    session.work_on(session.files)
    return replace(releasing, release=release)


def _remote(arguments: argparse.Namespace, session: Session) -> str:
    if arguments.push:
        return require_remote(session.root)
    return "" if arguments.offline else remote_of(session.root)
