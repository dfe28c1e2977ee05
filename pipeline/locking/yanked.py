"""What the indexes warn of: versions that were withdrawn (PEP 592), or that are no longer there.

Either is done for a reason, and an index removes what it found to be malicious.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_version

from pipeline.errors import NetworkError, PipelineError
from pipeline.locking.index import Index
from pipeline.network.workers import gather
from pipeline.wheels.names import parse_sdist_name, parse_wheel_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.locking.index import Link
    from pipeline.locking.moved import Moved
    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client

UNKNOWN = "no index could be asked whether it was withdrawn"
VANISHED = "is on no index any more"


def with_warnings(rows: Sequence[Moved], client: Client, settings: Settings) -> list[Moved]:
    """Return rows with a note where the old or the new version of a package was withdrawn.

    So has one whose old version has vanished, where there is an index to say so. The lock holds
    either way, so an index that cannot be asked is a note as well.
    """
    index = Index(client, settings)
    asked = sorted({row.name for row in rows if row.kind == "Python"})
    answers = gather([partial(index.links, name) for name in asked], jobs=settings.jobs)
    links: dict[str, tuple[Link, ...] | None] = {}
    for name, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Exception) and not isinstance(answer, NetworkError):
            raise answer
        links[name] = None if isinstance(answer, Exception) else answer
    vanish = bool(settings.indexes)
    return [
        replace(row, notes=(*row.notes, *_warnings(row, links[row.name], vanish=vanish)))
        if row.kind == "Python"
        else row
        for row in rows
    ]


def _warnings(row: Moved, links: tuple[Link, ...] | None, *, vanish: bool) -> list[str]:
    if links is None:
        return [UNKNOWN]
    there = {_version(link.name) for link in links}
    withdrawn = {_version(link.name): link.reason for link in links if link.yanked}
    old, new = (list(filter(None, versions.split(", "))) for versions in (row.old, row.new))
    found = []
    for version in dict.fromkeys((*old, *new)):
        same = canonicalize_version(version)
        if same in withdrawn:
            reason = withdrawn[same]
            found.append(f"{version} was withdrawn" + (f": {reason}" if reason else ""))
        elif vanish and version in old and same not in there:
            found.append(f"{version} {VANISHED}")
    return found


def _version(file: str) -> str:
    try:
        parse = parse_wheel_name if file.endswith(".whl") else parse_sdist_name
        return canonicalize_version(parse(file).version)
    except PipelineError:  # an index may hold anything
        return ""
