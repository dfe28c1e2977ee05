"""Kind ``release``: cuts the release; in a draft, which commit and tag would be made."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from pipeline.checkout import git, history, worktree
from pipeline.errors import ReleaseRefusedError
from pipeline.process import printable
from pipeline.release import journal as journals
from pipeline.release.conditions import (
    NEW_VERSION,
    Obstacle,
    half_cut,
    known_of_remote,
    refuse,
    remote_obstacles,
    repository_obstacles,
)
from pipeline.release.cut import cut, finish
from pipeline.release.draft import decide, look
from pipeline.release.push import command_for, push_journaled, push_tagged, remote_of
from pipeline.release.version import tag_subject
from pipeline.stages.host import HostSituation, Said
from pipeline.stages.on_index import on_indexes
from pipeline.stages.publish import LISTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config.stages import ReleaseStage
    from pipeline.release.conditions import Scene
    from pipeline.release.journal import Journal
    from pipeline.stages.releasing import Releasing


def run(situation: HostSituation) -> Said:
    """Cut the release, or say what cutting it would do and what stands in its way.

    ReleaseRefusedError when something does; a draft shows all of it.
    """
    releasing = situation.release
    if releasing is None:
        return Said()  # a verb that only compares bytes
    if situation.draft:
        return _draft(releasing, situation)
    refuse([each for report in situation.needed for each in report.blocked])
    require_clear(releasing)
    require_welcome(releasing)
    found, remarks = on_indexes(situation)
    refuse([*found, *moved_on(releasing)])
    planned, scene = releasing.release, releasing.scene
    if planned is None:
        raise ReleaseRefusedError(
            "nothing is left to release: the version has its tag or its notes already",
            hint=NEW_VERSION,
        )
    with journals.alone(scene.root):
        listed = replace(planned, files=_files(situation))
        journal = cut(scene.root, listed, kept=scene.project.version)
        told = _told(scene, journal, pushed=_push(scene, journal) if releasing.push else "")
        return replace(told, remarks=remarks)


def _files(situation: HostSituation) -> dict[str, dict[str, str]]:
    """Return what the tag is to list of the stages that it needs: names, with their sha256."""
    stage = cast("ReleaseStage", situation.stage)
    found = {
        report.stage: cast("dict[str, str]", report.data[LISTED])
        for report in situation.needed
        if LISTED in report.data
    }
    return (
        {name: files for name, files in found.items() if files}
        if stage.tag_lists == "files"
        else {}
    )


def require_clear(releasing: Releasing) -> None:
    """Raise ReleaseRefusedError when anything here forbids the release."""
    refuse([*_obstacles(releasing), *_changed(releasing)])


def _obstacles(releasing: Releasing) -> tuple[Obstacle, ...]:
    return (*repository_obstacles(releasing.scene), *releasing.obstacles)


def require_welcome(releasing: Releasing) -> None:
    """Raise ReleaseRefusedError when the remote forbids it, NetworkError when it is not there.

    Where nobody is to be asked, what was last fetched from it counts.
    """
    if releasing.remote:
        refuse(remote_obstacles(releasing.scene, releasing.remote))
    elif remote := remote_of(releasing.scene.root):
        refuse(known_of_remote(releasing.scene, remote))


def _changed(releasing: Releasing) -> Iterator[Obstacle]:
    """Yield the version file, when it is no longer what the release was built with."""
    root, path = releasing.scene.root, releasing.scene.project.version
    planned = releasing.release
    data = planned.written.get(path) if planned else None
    there = history.blob_of(root, (root / path).read_bytes(), path=path) if data else ""
    if data is not None and there != history.blob_of(root, data):
        yield Obstacle(
            what=f"`{path}` has changed since the release was built", hint="run it again"
        )


def resume(scene: Scene, *, push: bool) -> Said | None:
    """Finish a release that was begun, or push one that was cut; None when there is neither."""
    journal = journals.read(scene.root)
    if journal is not None:
        with journals.alone(scene.root):
            finish(scene.root, replace(journal, remote=""))
            pushed = _push(scene, journal) if push else ""
            return _told(scene, journal, pushed=pushed)
    head = git.head(scene.root)
    if not push or not head or git.tags(scene.root).get(scene.tag) != head:
        return None
    command = printable(push_tagged(scene.root, scene.tag))
    return _said(scene.version, scene.tag, head, git.branch(scene.root), command, pushed=True)


def _push(scene: Scene, journal: Journal) -> str:
    return printable(push_journaled(scene.root, journal))


def _told(scene: Scene, journal: Journal, *, pushed: str) -> Said:
    command = pushed or printable(command_for(scene.root, journal.branch, journal.tag))
    return _said(
        journal.version,
        journal.tag,
        journal.commit,
        journal.branch,
        command,
        pushed=bool(pushed),
    )


def _said(version: str, tag: str, commit: str, branch: str, command: str, *, pushed: bool) -> Said:
    lines = (
        f"commit   {commit[:12]} on {branch}",
        f"tag      {tag} ({tag_subject(tag, version)})",
        f"pushed   {command}" if pushed else f"push     {command}",
    )
    data: dict[str, object] = {
        "version": version,
        "tag": tag,
        "commit": commit,
        "branch": branch,
        "push": command,
        "pushed": pushed,
    }
    return Said(text="\n".join(lines), data=data)


def _draft(releasing: Releasing, situation: HostSituation) -> Said:
    scene = releasing.scene
    found = _found_by_draft(releasing)
    counted = [one for one in found if one.blocks_draft(anywhere=releasing.anywhere)]
    seen = look(
        scene.root,
        scene.project,
        version=scene.version,
        planned=releasing.release,
        refused=tuple(one.what for one in counted),
        aside=tuple(one.what for one in found if one not in counted),
        listed=sum(map(len, _files(situation).values())),
    )
    draft = decide(seen)
    return Said(text="\n".join(draft.lines), data=asdict(draft), blocked=tuple(counted))


def _found_by_draft(releasing: Releasing) -> tuple[Obstacle, ...]:
    """Return what the real thing would be refused by, as far as this machine knows.

    Nobody is asked: what a remote had is known from the last fetch. What a stage that publishes
    found is told by that stage.
    """
    scene = releasing.scene
    repository = worktree.is_repository(scene.root)
    if repository and (journal := journals.read(scene.root)):
        return (half_cut(journal),)  # which the real thing finishes
    remote = remote_of(scene.root) if repository else ""
    return (
        *_obstacles(releasing),
        *_changed(releasing),
        *(known_of_remote(scene, remote) if remote else ()),
        *moved_on(releasing),
    )


def moved_on(releasing: Releasing) -> Iterator[Obstacle]:
    """Yield that the branch is no longer where it was when the release was planned."""
    planned = releasing.release
    if planned and planned.parent and planned.parent != git.head(releasing.scene.root):
        what = "the branch has moved on since the release was planned"
        yield Obstacle(what=what, hint="run it again")
