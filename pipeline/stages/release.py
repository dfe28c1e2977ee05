"""Kind ``release``: cuts the release; in a draft, which commit and tag would be made."""

from __future__ import annotations

from dataclasses import asdict

from pipeline.errors import ReleaseRefusedError
from pipeline.release.draft import decide, look
from pipeline.stages.host import HostSituation, Said


def run(situation: HostSituation) -> Said:
    """Say what a real cut would do; what stands in its way is a remark, not a failure."""
    if not situation.draft:
        raise ReleaseRefusedError(
            "this version of the tool drafts a release but does not cut one yet",
            hint="add `--draft`; commit and tag by hand as the draft says",
        )
    found = look(situation.pipeline.root, situation.pipeline.project, version=situation.version)
    draft = decide(found)
    return Said(text="\n".join(draft.lines), data=asdict(draft))
