"""Kind ``publish``: uploads what it needs; in a draft the same to an index in this process."""

from __future__ import annotations

import contextlib
import random
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipeline.checkout import git, worktree
from pipeline.console import human_size, table
from pipeline.errors import ReleaseRefusedError
from pipeline.publishing import preflight
from pipeline.publishing.journal import journal, name_of, recorded
from pipeline.publishing.judging import PUBLIC
from pipeline.publishing.planned import refuse_unplanned
from pipeline.publishing.preflight import Candidate, checked
from pipeline.publishing.publish import Publisher
from pipeline.publishing.rehearsal import RehearsalIndex
from pipeline.publishing.session import plan
from pipeline.release.conditions import Obstacle, refuse
from pipeline.release.listing import is_compiled
from pipeline.stages.host import HostSituation, Said
from pipeline.stages.pushes import ARCHIVE, planned_pushes, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.config.stages import PublishStage
    from pipeline.execute.report import Artifact
    from pipeline.publishing.preflight import Checked
    from pipeline.publishing.publish import Receipt
    from pipeline.stages.pushes import Push

LISTED = "listed"
"""Where a stage's data has what a tag is to list of it: names with their sha256.

It is empty where the machine that publishes may make other bytes.
"""

PUBLISHED = (".whl", ".tar.gz")
ROOM = "publish"


def run(situation: HostSituation) -> Said:
    """Check everything, then upload it; in a draft the upload is rehearsed.

    Raises ReleaseRefusedError, VerificationError or NetworkError as `Publisher.publish` does.
    Images go last, when all files are where they belong.
    """
    made = [artifact for cell in situation.needed for artifact in cell.outputs]
    stage = cast("PublishStage", situation.stage)
    pushes = planned_pushes(made, stage.registry or "")
    candidates = [
        Candidate(name=a.name, path=a.path, sha256=a.sha256, size=a.size)
        for a in made
        if a.name.endswith(PUBLISHED)
    ]
    found = {a.name: a.sha256 for a in publishable(made)}
    if situation.expected is not None:
        refuse_unplanned(found, situation.expected)
    unplaced = _unplaced(pushes, situation)
    if not situation.draft:
        refuse(unplaced)
    public = stage.index in PUBLIC
    with checked(candidates, public=public) as release:
        if situation.draft:
            said = _draft(release, pushes, situation, public=public)
        else:
            said = _publish(release, pushes, stage, situation)
    crossed = {
        a.name
        for one in situation.needed
        for a in one.outputs
        if one.cell in situation.crossed and is_compiled(a.name)
    }
    listed = {name: "" if name in crossed else digest for name, digest in found.items()}
    blocked = (*unplaced, *said.blocked)
    return replace(said, data=said.data | {LISTED: listed}, blocked=blocked)


def _unplaced(pushes: Sequence[Push], situation: HostSituation) -> tuple[Obstacle, ...]:
    """Return that images have nowhere to go: told before the first file is uploaded."""
    if all(push.place for push in pushes):
        return ()
    what = f"`{situation.stage.name}` cannot push an image, as it has no `registry`"
    return (Obstacle(what=what, hint="declare one, such as `registry.example/team/app`"),)


def publishable(made: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Return those of a run's files that a publish stage takes."""
    return tuple(a for a in made if a.name.endswith((*PUBLISHED, ARCHIVE)))


def _draft(
    release: Checked, pushes: Sequence[Push], situation: HostSituation, *, public: bool
) -> Said:
    """Rehearse: the journal of it is forgotten, and so is the index."""
    with tempfile.TemporaryDirectory(prefix="pipeline-rehearsal-") as scratch:
        index = RehearsalIndex(Path(scratch) / "index", public=public)
        with journal(Path(scratch), "draft") as opened:
            Publisher(
                index=index,
                journal=opened,
                tell=lambda _: None,
                pause=situation.pause,
                spread=lambda seconds: seconds,
            ).publish(release.files, commit="")
    blocked, remarks = _known_here(release, situation)
    said = _said([*preflight.rows(release.verdicts), *rows(pushes)], release, pushes, remarks)
    return replace(said, blocked=blocked)


def _known_here(
    release: Checked, situation: HostSituation
) -> tuple[tuple[Obstacle, ...], tuple[str, ...]]:
    """Return what this machine knows against an upload, and why it could not make one.

    The index is not asked. Where it is and whose token is used are matters of the machine, which
    is rarely the one that publishes; but with which bytes a release was begun counts.
    """
    from pipeline.publishing.places import uploads_to  # noqa: PLC0415 - as below

    index = cast("PublishStage", situation.stage).index
    try:
        place, address = uploads_to(index, situation.settings.environ)
    except ReleaseRefusedError as error:
        return (), (f"nothing can be uploaded from this machine: {error}",) if release.files else ()
    record = recorded(situation.memory / ROOM, name_of(situation.version, place, address))
    steps = plan(release.files, (), record).conflicts
    what = f"an earlier run began to publish {situation.version} to `{place}` with other bytes"
    hint = f"check out {record.commit or 'the commit it was made of'}, or release another version"
    return tuple(Obstacle(what=f"{what}: {s.file.name}", hint=hint) for s in steps), ()


def _publish(
    release: Checked, pushes: Sequence[Push], stage: PublishStage, situation: HostSituation
) -> Said:
    lines: list[str] = []
    remarks: tuple[str, ...] = ()
    if release.files:
        receipt, remarks = _upload(release, stage, situation)
        lines += _table(release, receipt)
    done = [push.carry_out(situation.settings) for push in pushes]
    there = (p.reference for p, new in zip(pushes, done, strict=True) if not new)
    said = (f"{reference} was there already" for reference in there)
    return _said([*lines, *rows(pushes)], release, pushes, (*remarks, *said))


def _upload(
    release: Checked, stage: PublishStage, situation: HostSituation
) -> tuple[Receipt, tuple[str, ...]]:
    # A draft does without the network, and without what it costs to load.
    from pipeline.publishing.places import RemoteIndex, find  # noqa: PLC0415

    place = find(stage.index, stage.index_url or "", situation.settings)
    name = name_of(situation.version, place.name, place.address)
    with (
        journal(situation.memory / ROOM, name) as opened,
        contextlib.closing(RemoteIndex(place, situation.settings)) as index,
    ):
        publisher = Publisher(
            index=index,
            journal=opened,
            tell=situation.tell,
            pause=situation.pause,
            spread=lambda seconds: seconds * random.uniform(1.0, 1.5),  # noqa: S311  no secret
        )
        return publisher.publish(release.files, _commit(situation.root)), place.remarks


def _commit(root: Path) -> str:
    return git.head(root) if worktree.is_repository(root) else ""


def _said(
    lines: Sequence[str], release: Checked, pushes: Sequence[Push], remarks: Sequence[str] = ()
) -> Said:
    return Said(
        text="\n".join(lines),
        data={
            "files": [asdict(verdict) for verdict in release.verdicts],
            "images": [push.document for push in pushes],
        },
        remarks=(*release.remarks, *remarks),
    )


def _table(release: Checked, receipt: Receipt) -> list[str]:
    found = [
        (
            *(file.name, human_size(file.size), file.sha256),
            "uploaded" if file.name in receipt.sent else "was there",
        )
        for file in release.files
    ]
    return table(("file", "size", "sha256", "index"), found, yields=2)
