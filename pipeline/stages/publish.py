"""Kind ``publish``: uploads what it needs; in a draft, what the index would say of each file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.console import human_size, table
from pipeline.errors import ReleaseRefusedError
from pipeline.release.rehearsal import rehearse
from pipeline.stages.host import HostSituation, Said

if TYPE_CHECKING:
    from pipeline.release.rehearsal import Verdict

PUBLISHED = frozenset({"sdist", "wheel"})


def run(situation: HostSituation) -> Said:
    """Rehearse the upload. ReleaseRefusedError when the index would refuse a file."""
    if not situation.draft:
        raise ReleaseRefusedError(
            "this version of the tool rehearses an upload but does not make one yet",
            hint="add `--draft` to see what the index would say, then upload with `twine upload`",
        )
    made = [a for cell in situation.needed for a in cell.outputs if cell.cell and a.name]
    files = {a.name: a.path for a in made if a.name.endswith((".whl", ".tar.gz"))}
    verdicts = rehearse(files)
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    if refused:
        raise ReleaseRefusedError(
            f"an index would refuse {len(refused)} of {len(verdicts)} files",
            detail=tuple(f"{v.file}: {remark}" for v in refused for remark in v.remarks),
        )
    return Said(
        text="\n".join(_rows(verdicts)),
        data={"files": [asdict(verdict) for verdict in verdicts]},
        remarks=tuple(f"{v.file}: {remark}" for v in verdicts for remark in v.remarks),
    )


def _rows(verdicts: tuple[Verdict, ...]) -> list[str]:
    rows = [
        (v.file, v.name, v.version, " ".join(v.tags), human_size(v.size), "accepted")
        for v in verdicts
    ]
    return table(("file", "name", "version", "tags", "size", "index"), rows)
