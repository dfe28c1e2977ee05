"""When a release is made: its date in the notes, and the SOURCE_DATE_EPOCH that it writes.

Both come from the day (UTC), not from the second, so that drafts of one day and the release give
the same bytes. ``SOURCE_DATE_EPOCH`` in the environment names another moment, exactly
(https://reproducible-builds.org/specs/source-date-epoch/).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SOURCE_DATE_EPOCH"
DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment in seconds since 1970; ``given`` when the environment named it."""

    seconds: int
    given: bool

    @property
    def date(self) -> dt.date:
        """The day, in UTC."""
        return dt.datetime.fromtimestamp(self.seconds, tz=dt.UTC).date()

    @property
    def epoch(self) -> int:
        """The SOURCE_DATE_EPOCH of a release: as given, else the day's first second."""
        return self.seconds if self.given else self.seconds - self.seconds % DAY


def moment(environ: Mapping[str, str], now: float) -> Moment:
    """Return the moment the environment names, else ``now``; UsageError when it names none."""
    text = environ.get(VARIABLE, "")
    if not text:
        return Moment(seconds=int(now), given=False)
    if not text.isdecimal() or not text.isascii() or len(text) > 11:
        raise UsageError(
            f"`{VARIABLE}` is `{text[:40]}`, which is no number of seconds since 1970",
            hint="unset it, or set it to a number such as 1795132800",
        )
    return Moment(seconds=int(text), given=True)


def next_epoch(current: int, last: int | None, made: Moment) -> int:
    """Return the SOURCE_DATE_EPOCH that a release made at ``made`` has to write.

    It moves when it is still that of the last release (``last``, None before the first one), and
    never backwards. One that was moved since (`pipeline lock --epoch`) was moved for this release.
    """
    return max(current, made.epoch) if current == last else current
