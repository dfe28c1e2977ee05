"""The output of cells that run at the same time, shown so that it reads well.

One cell at a time speaks: the first that has something to say is shown as it goes, the others
wait in memory (or in a file once they are long) and are shown whole when their turn comes.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPOOL = 1 << 20
"""Bytes of a waiting cell's output that are kept in memory."""


class Speaker(Protocol):
    """Where blocks of output go; ``shows`` is whether a person sees them there."""

    shows: bool

    def begin(self, title: str) -> None:
        """Begin a block."""

    def write(self, data: bytes) -> None:
        """Show more of the block that has begun."""

    def end(self) -> None:
        """End the block."""


class Turns:
    """Gives the word to one block at a time. Safe to use from several threads.

    ``shows`` is whether a person sees the blocks.
    """

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.shows = speaker.shows
        self._lock = threading.Lock()
        self._current: str | None = None
        self._waiting: dict[str, IO[bytes]] = {}
        self._over: set[str] = set()

    @contextmanager
    def block(self, title: str) -> Iterator[Callable[[bytes], None]]:
        """Give a function that takes the block's output in chunks."""

        def write(data: bytes) -> None:
            with self._lock:
                self._write(title, data)

        try:
            yield write
        finally:
            with self._lock:
                self._end(title)

    def _write(self, title: str, data: bytes) -> None:
        if self._current is None:
            self._current = title
            self._speaker.begin(title)
        if self._current == title:
            self._speaker.write(data)
            return
        if title not in self._waiting:
            self._waiting[title] = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115
        self._waiting[title].write(data)

    def _end(self, title: str) -> None:
        if self._current != title:
            self._over.add(title)
            return
        self._speaker.end()
        self._current = None
        while self._waiting and self._current is None:
            following = next(iter(self._waiting))
            self._replay(following)
            if following not in self._over:
                self._current = following
            else:
                self._speaker.end()

    def _replay(self, title: str) -> None:
        self._speaker.begin(title)
        with self._waiting.pop(title) as spool:
            spool.seek(0)
            while data := spool.read(1 << 16):
                self._speaker.write(data)
