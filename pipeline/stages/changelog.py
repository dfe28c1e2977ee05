"""Kind ``changelog``: the notes of the coming release, drafted by towncrier."""

from __future__ import annotations

from pipeline.release import changelog
from pipeline.release.fragments import leftover_remarks
from pipeline.release.settings import read_settings
from pipeline.stages.host import HostSituation, Said


def run(situation: HostSituation) -> Said:
    """Return the draft; the repository is left as it is."""
    root = situation.pipeline.root
    if situation.release and situation.release.release:
        text = situation.release.release.notes
    else:
        text = changelog.draft(
            root,
            version=situation.version,
            date=situation.today.isoformat(),
            changes=situation.pipeline.project.changes,
        )
    return Said(
        text=text,
        data={"version": situation.version, "notes": text},
        remarks=leftover_remarks(root, read_settings(root)),
    )
