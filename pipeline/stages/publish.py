"""Kind ``publish``: uploads what it needs; in a draft, what the index would say of each file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from pipeline.console import human_size, table
from pipeline.errors import ReleaseRefusedError
from pipeline.release.rehearsal import rehearse
from pipeline.stages.host import HostSituation, Said
from pipeline.stages.pushes import planned_pushes, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config.stages import PublishStage
    from pipeline.release.rehearsal import Verdict
    from pipeline.stages.pushes import Push

PUBLISHED = (".whl", ".tar.gz")


def run(situation: HostSituation) -> Said:
    """Rehearse the upload. ReleaseRefusedError when the index would refuse a file.

    Images alone are pushed unless it is a draft.
    """
    made = [artifact for cell in situation.needed for artifact in cell.outputs]
    pushes = planned_pushes(made, _registry(situation))
    if not situation.draft:
        if pushes and not any(a.name.endswith(PUBLISHED) for a in made):
            return _pushed(pushes, situation)
        raise ReleaseRefusedError(
            "this version of the tool rehearses an upload but does not make one yet",
            hint="add `--draft` to see what the index would say, then upload with `twine upload`",
        )
    verdicts = rehearse({a.name: a.path for a in made if a.name.endswith(PUBLISHED)})
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    if refused:
        reasons = [f"{v.file}: {remark}" for v in refused for remark in v.remarks]
        raise ReleaseRefusedError(
            f"an index would refuse {len(refused)} of {len(verdicts)} files",
            detail=(*_rows(verdicts), *reasons),
        )
    return Said(
        text="\n".join([*(_rows(verdicts) if verdicts else ()), *rows(pushes)]),
        data={
            "files": [asdict(verdict) for verdict in verdicts],
            "images": [push.document for push in pushes],
        },
        remarks=tuple(f"{v.file}: {remark}" for v in verdicts for remark in v.remarks),
    )


def _registry(situation: HostSituation) -> str:
    return cast("PublishStage", situation.stage).registry or ""


def _pushed(pushes: Sequence[Push], situation: HostSituation) -> Said:
    done = [push.carry_out(situation.settings) for push in pushes]
    return Said(
        text="\n".join(rows(pushes)),
        data={"files": [], "images": [push.document for push in pushes]},
        remarks=tuple(
            f"{push.reference} was there already"
            for push, new in zip(pushes, done, strict=True)
            if not new
        ),
    )


def _rows(verdicts: tuple[Verdict, ...]) -> list[str]:
    rows = [
        (
            *(v.file, v.name, v.version, " ".join(v.tags), human_size(v.size)),
            "accepted" if v.accepted else "refused",
        )
        for v in verdicts
    ]
    return table(("file", "name", "version", "tags", "size", "index"), rows)
