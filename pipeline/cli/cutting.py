"""A run that leads to a release: what it is built from, and what is left of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.checkout import worktree
from pipeline.errors import UsageError
from pipeline.execute.report import CellReport, RunReport
from pipeline.release.conditions import Scene
from pipeline.release.push import remote_of, require_remote
from pipeline.release.settings import read_settings
from pipeline.release.version import read_version
from pipeline.stages.release import require_clear, require_welcome, resume
from pipeline.stages.releasing import Releasing, prepare

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

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
        project=project,
        settings=read_settings(session.root),
        version=read_version(session.root / project.version),
        made=session.moment,
    )


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
    releasing = Releasing(scene=scene(session), release=None, push=arguments.push)
    if not arguments.draft:
        require_clear(releasing)
        releasing = replace(releasing, remote=_remote(arguments, session))
        require_welcome(releasing)
    with session.store.scratch("release") as scratch:
        found = prepare(releasing.scene, session.lock, scratch)
    if found is None:
        return releasing
    instead: dict[str, Path | None] = dict.fromkeys(found.release.removed)
    for path, data in found.release.written.items():
        instead[path] = session.store.blob_path(session.store.add_blob(data))
    session.show(found.lock, instead)
    return replace(releasing, release=found.release)


def _remote(arguments: argparse.Namespace, session: Session) -> str:
    if arguments.push:
        return require_remote(session.root)
    return "" if arguments.offline else remote_of(session.root)
