"""Fetching as a person sees it: one line that tells how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.console import Console, human_size
from pipeline.locking.fetch import FetchReport, Progress, fetch, missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.lock.types import LockedFile
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store


def fetch_shown(
    files: Iterable[LockedFile], store: Store, settings: Settings, console: Console
) -> FetchReport:
    """Bring files into the store, as `pipeline.locking.fetch.fetch` does, and show it."""
    wanted = tuple(files)
    absent = missing(wanted, store)
    place = settings.downloads
    if absent and place and (why := place.absence()):
        console.warning(f"{why}: {place.CHECK_OUT}")
    if not absent or settings.offline:
        return fetch(wanted, store, settings)
    title = f"fetching {len(absent)} file{'s' if len(absent) != 1 else ''}"
    with console.progress(title, sum(file.size for file in absent), human_size) as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.bytes_done)

        return fetch(wanted, store, settings, show)
