"""What people see of a run, on standard error: lines, steps, progress, errors.

Knows terminals, pipes and CI services (``NO_COLOR``, ``FORCE_COLOR``, ``TERM``, ``CI``,
``GITHUB_ACTIONS``). Safe to use from several threads.
"""

from __future__ import annotations

import codecs
import os
import sys
import time
from _thread import RLock
from contextlib import contextmanager, suppress

from pipeline.console.github import WorkflowCommands, place_properties
from pipeline.console.text import RESET, human_seconds, printable_text, shortened, width_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self, TextIO

    from pipeline.errors import PipelineError

PLAIN_SECONDS = 5.0
"""Without a terminal a progress says a line at most this often."""

LIVE_SECONDS = 0.1
"""On a terminal it is drawn again at most this often."""

LONGEST_LINE = 8192
"""A line of a log that does not end is shown once it is this long."""

_STYLES = {
    "error": "1;31",
    "failed": "1;31",
    "warning": "1;33",
    "skipped": "33",
    "hint": "36",
    "title": "1",
    "built": "32",
    "done": "32",
    "cached": "2",
}
"""Select Graphic Rendition parameters by what is said."""


class Console:
    """Writes to one stream.

    ``colour`` is whether it may be coloured, ``live`` whether a line may be drawn again, ``github``
    whether it reads the workflow commands of GitHub Actions.
    """

    def __init__(
        self,
        stream: TextIO,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        forced = environ.get("FORCE_COLOR", "") not in {"", "0"}
        self.clock = clock
        self._terminal = terminal
        self.github = environ.get("GITHUB_ACTIONS") == "true"
        self.ci = self.github or environ.get("CI", "") not in {"", "0", "false"}
        self.live = terminal and not self.ci
        self.colour = not environ.get("NO_COLOR") and (terminal or forced)
        self._stream = stream
        self._columns = environ.get("COLUMNS", "")
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "") if self.github else ""
        self._lock = RLock()
        self._line = ""
        self._working: list[str] = []
        self._drawn = False
        self._depth = 0
        self._group = False
        self._commands = WorkflowCommands(self._put, active=self.github)

    @classmethod
    def for_stderr(cls, environ: Mapping[str, str]) -> Self:
        """Return the console of this process."""
        return cls(sys.stderr, environ)

    @property
    def width(self) -> int:
        """The columns there are: ``COLUMNS``, the terminal's own, else 80."""
        if self._columns.isdecimal() and int(self._columns):
            return int(self._columns)
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        return 80

    def info(self, text: str) -> None:
        """Say something in passing."""
        self._say(printable_text(text))

    def warning(self, text: str) -> None:
        """Say what may matter; on GitHub also as an annotation."""
        with self._lock:
            self._commands.give("warning", text)
            self._say(f"{self._styled('warning', 'warning:')} {printable_text(text)}")

    def error(self, error: PipelineError) -> None:
        """Say what failed and where, its details, and on a line of its own what to do next."""
        with self._lock:
            self._commands.give("error", error.message, **place_properties(error.where))
            self._say(f"{self._styled('error', 'error:')} {printable_text(str(error))}")
            if error.unseen:
                self._say(self._set_off(self._foreign("\n".join(error.unseen))))
            if error.hint:
                self._say(f"{self._styled('hint', 'hint:')} {printable_text(error.hint)}")

    def outcome(self, name: str, status: str, seconds: float) -> None:
        """Say how a cell ended: ``built``, ``cached``, ``failed`` ..., and how long it took."""
        word = self._styled(status, f"{status:>8}")
        told = seconds and status in {"built", "failed"}
        took = f"  {human_seconds(seconds)}" if told else ""
        self._say(f"{word}  {printable_text(name)}{took}")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a piece of work and say how long it took; inner steps are indented.

        On GitHub the outermost one is a group that folds; groups do not nest there.
        """
        group = self._open(title, printable_text(title))
        began, word = self.clock(), "failed after"
        self._depth += 1
        try:
            yield
            word = "done in"
        finally:
            self._say(f"{word} {human_seconds(self.clock() - began)}")
            self._depth -= 1
            self._close(group=group)

    def progress(self, title: str, total: int, show: Callable[[int], str] = str) -> Progress:
        """Return a handle that tells how far a piece of work is; use it in a ``with``.

        ``show`` writes an amount: `human_size` for bytes.
        """
        return Progress(self, printable_text(title), total, show)

    @contextmanager
    def working(self, name: str) -> Iterator[None]:
        """Name a piece of work in the live line while it goes on; several may at the same time."""
        with self._lock:
            self._show_working([*self._working, name])
        try:
            yield
        finally:
            with self._lock:
                self._working.remove(name)
                self._show_working(self._working)

    def speaker(self, *, quiet: bool = False) -> Speaker:
        """Return what shows the output of steps block by block; ``quiet`` shows none of it."""
        return Speaker(self, quiet=quiet)

    def summary(self, markdown: str) -> None:
        """Append to the summary of a GitHub job; elsewhere do nothing."""
        if not self._summary:
            return
        try:
            with open(self._summary, "a", encoding="utf-8") as stream:
                stream.write(f"{markdown.rstrip()}\n\n")
        except OSError as error:
            self.warning(f"the summary of the job cannot be written: {error.strerror}")

    def begin_block(self, title: str) -> None:
        """Begin output that is not ours: a group on GitHub, where it must not give commands."""
        with self._lock:
            self._group = self._open(title, f"── {printable_text(title)}")
            self._commands.stop()

    def show_block(self, text: str) -> None:
        """Show whole lines of the block that has begun."""
        with self._lock:
            self._put(self._foreign(text))

    def end_block(self) -> None:
        """End the block."""
        with self._lock:
            self._commands.resume()
            self._close(group=self._group)

    def draw(self, line: str) -> None:
        """Keep ``line`` below all else until the next one; an empty one takes it away."""
        with self._lock:
            self._line = shortened(line, self.width - 1)
            self._put("")

    def say_plain(self, text: str) -> None:
        """Say text that is printable already."""
        self._say(text)

    def _show_working(self, names: list[str]) -> None:
        self._working = names
        if self.live:
            self.draw(printable_text(f"running: {', '.join(names)}") if names else "")

    def _open(self, title: str, heading: str) -> bool:
        """Begin a group on GitHub, where none is open; else say ``heading``."""
        with self._lock:
            group = self.github and not self._depth
            if group:
                self._commands.give("group", title)
            else:
                self._say(self._styled("title", heading))
        return group

    def _close(self, *, group: bool) -> None:
        with self._lock:
            if group:
                self._commands.give("endgroup")

    def _say(self, text: str) -> None:
        indent = "  " * self._depth
        with self._lock, self._commands.stopped_for(text):
            self._put("".join(f"{indent}{line}\n" for line in text.split("\n")))

    def _put(self, text: str) -> None:
        """Write whole lines above the live one. A stream that is gone must not end the work."""
        with self._lock, suppress(OSError):
            clear = "\r\x1b[K" if self._drawn else ""
            self._stream.write(f"{clear}{text}{self._line}")
            self._stream.flush()
            self._drawn = bool(self._line)

    def _styled(self, style: str, text: str) -> str:
        code = _STYLES.get(style, "")
        return f"\x1b[{code}m{text}{RESET}" if self.colour and code else text

    def _set_off(self, text: str) -> str:
        """Indent lines, unless a terminal would then wrap what fits into it as it stands."""
        lines = text.removesuffix("\n").split("\n")
        room = self.width
        wraps = self._terminal and any(room - 2 < width_of(line) <= room for line in lines)
        return "\n".join(line if wraps else f"  {line}" for line in lines)

    def _foreign(self, text: str) -> str:
        text = printable_text(text, colours=self.colour)
        # What a log leaves switched on must not colour what comes after it.
        return text.removesuffix("\n") + RESET + "\n" if "\x1b" in text else text


class Progress:
    """How far a piece of work is: one live line on a terminal, else a line now and then."""

    def __init__(
        self, console: Console, title: str, total: int, show: Callable[[int], str]
    ) -> None:
        self._console = console
        self._title = title
        self._total = total
        self._show = show
        self._done = 0
        self._lock = RLock()
        self._began = console.clock()
        self._shown = self._began

    def __enter__(self) -> Self:
        if self._console.live:
            self._console.draw(self._text())
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.live:
            self._console.draw("")
        took = human_seconds(self._console.clock() - self._began)
        self._console.say_plain(f"{self._text()} in {took}")

    def update(self, done: int) -> None:
        """Say how much is done in all."""
        with self._lock:
            self._done = done
            now = self._console.clock()
            if now - self._shown < (LIVE_SECONDS if self._console.live else PLAIN_SECONDS):
                return
            self._shown = now
        if self._console.live:
            self._console.draw(self._text())
        else:
            self._console.say_plain(self._text())

    def _text(self) -> str:
        share = f" ({100 * self._done // self._total} %)" if self._total else ""
        return f"{self._title}: {self._show(self._done)} of {self._show(self._total)}{share}"


class Speaker:
    """Shows the output of steps. Bytes are decoded and shown by whole lines."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self.shows = not quiet
        self._console = console
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""

    def begin(self, title: str) -> None:
        """Begin a block of output."""
        if self.shows:
            self._console.begin_block(title)

    def write(self, data: bytes) -> None:
        """Show more of the block, up to its last end of line."""
        if not self.shows:
            return
        text = self._partial + self._decoder.decode(data)
        whole, newline, self._partial = text.rpartition("\n")
        if len(self._partial) > LONGEST_LINE:
            whole, newline, self._partial = text, "\n", ""
        if newline:
            self._console.show_block(whole + newline)

    def end(self) -> None:
        """End the block, with the line that has not ended."""
        if not self.shows:
            return
        self._partial += self._decoder.decode(b"", final=True)
        if self._partial:
            self.write(b"\n")
        self._decoder.reset()
        self._console.end_block()
