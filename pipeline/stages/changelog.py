"""Kind ``changelog``: the notes of the coming release, drafted by towncrier."""

from __future__ import annotations

from pipeline.release import changelog
from pipeline.stages.host import HostSituation, Said


def run(situation: HostSituation) -> Said:
    """Return the draft; the repository is left as it is."""
    if situation.release and situation.release.release:
        text = situation.release.release.notes
        return Said(text=text, data={"version": situation.version, "notes": text})
    text = changelog.draft(
        situation.pipeline.root,
        version=situation.version,
        date=situation.today.isoformat(),
        changes=situation.pipeline.project.changes,
    )
    return Said(text=text, data={"version": situation.version, "notes": text})
