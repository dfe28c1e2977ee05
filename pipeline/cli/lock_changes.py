"""What `pipeline lock` changed, laid out for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.console import printable_text, table
from pipeline.locking.credentials import pip_client
from pipeline.locking.moved import FOLLOWS, moved
from pipeline.locking.yanked import with_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.lock.types import Lock
    from pipeline.locking.moved import Moved
    from pipeline.locking.settings import Settings

NOTHING = "-"


def changes(
    then: Lock,
    now: Lock,
    update: frozenset[str] | None,
    settings: Settings,
    *,
    follows: str = FOLLOWS,
) -> list[Moved]:
    """Return what moved from one lock to another, with what the indexes warn of."""
    rows = moved(then, now, update, follows=follows)
    if not any(row.kind == "Python" for row in rows):
        return rows
    return with_warnings(rows, pip_client(settings), settings)


def lines(rows: Sequence[Moved]) -> Iterator[str]:
    """Yield a table of what moved, and below it what to beware of."""
    if rows:
        cells = [
            (row.name, row.old or NOTHING, row.new or NOTHING, row.why, ", ".join(row.where))
            for row in rows
        ]
        yield from table(("name", "old", "new", "why", "where"), cells, yields=4)
    for row in rows:
        for note in row.notes:
            yield printable_text(f"note: {row.name}: {note}")


def pinned(lock: Lock) -> str:
    """Return how much a lock pins, each file once."""
    platforms = [
        platform for image in lock.images.values() for platform in image.platforms.values()
    ]
    packages = {package.sha256 for platform in platforms for package in platform.packages}
    files = {file.sha256 for platform in platforms for file in platform.wheels}
    sets = [
        *lock.environments.values(),
        *(s for st in lock.stages.values() for s in st.sets.values()),
    ]
    files |= {f.sha256 for found in sets for locked in found.requirements for f in locked.files}
    files |= {file.sha256 for file in lock.sources.values()}
    blobs = {one.sha256 for on in platforms if on.base for one in on.base.blobs}
    counts = (
        (len(packages), "Debian package", ""),
        (len(files), "Python file", ""),
        (len(blobs), "file", " of images that others made"),
    )
    parts = [f"{count} {one}{'s' * (count != 1)}{rest}" for count, one, rest in counts if count]
    told = " and ".join([*([", ".join(parts[:-1])] if parts[1:] else []), *parts[-1:]])
    return f"{told} by sha256" if told else "nothing"
