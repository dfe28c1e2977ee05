"""What the indexes warn of: versions that were withdrawn (PEP 592), most often for a reason."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

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


def with_warnings(rows: Sequence[Moved], client: Client, settings: Settings) -> list[Moved]:
    """Return rows with a note where the old or the new version of a package was withdrawn.

    The lock holds either way, so an index that cannot be asked is a note as well.
    """
    index = Index(client, settings)
    asked = sorted({row.name for row in rows if row.kind == "Python" and row.old})
    answers = gather([partial(index.links, name) for name in asked], jobs=settings.jobs)
    links: dict[str, tuple[Link, ...] | None] = {}
    for name, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Exception) and not isinstance(answer, NetworkError):
            raise answer
        links[name] = None if isinstance(answer, Exception) else answer
    return [
        replace(row, notes=(*row.notes, *_warnings(row, links[row.name])))
        if row.name in links and row.kind == "Python"
        else row
        for row in rows
    ]


def _warnings(row: Moved, links: tuple[Link, ...] | None) -> list[str]:
    if links is None:
        return [UNKNOWN]
    found = {}
    for link in links:
        if link.yanked and (version := _version(link.name)):
            found[version] = f": {link.reason}" if link.reason else ""
    versions = dict.fromkeys((*row.old.split(", "), *row.new.split(", ")))
    return [f"{v} was withdrawn{found[v]}" for v in versions if v in found]


def _version(file: str) -> str:
    try:
        parse = parse_wheel_name if file.endswith(".whl") else parse_sdist_name
        return parse(file).version
    except PipelineError:  # an index may hold anything
        return ""
