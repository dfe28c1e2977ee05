"""Text for people: sizes, durations, tables, and foreign text made harmless."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

RESET = "\x1b[0m"

NARROWEST = 8
"""Columns that a cell of a table keeps at least."""

_COLOUR = r"\x1b\[[0-9;:]{0,40}m"
"""Select Graphic Rendition (ECMA-48): the one escape sequence that only changes how text looks."""

_HARMFUL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
"""Control characters but newline and tab, and those that reorder what a person reads."""


def human_size(size: int) -> str:
    """Return a number of bytes as people say it: ``512 B``, ``1.5 kB``, ``97 MB``."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} TB"


def human_seconds(seconds: float) -> str:
    """Return a duration as people say it: ``0.03 s``, ``4.2 s``, ``2 min 5 s``, ``1 h 30 min``."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def printable_text(text: str, *, colours: bool = False) -> str:
    r"""Return foreign text (a build's log, a file's name) that cannot draw on a terminal.

    Newlines and tabs stay, a carriage return becomes a newline, other control characters become
    ``\x1b`` and the like. Colours stay where they are wanted and go where not.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    import re  # noqa: PLC0415 - most text is plain

    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(f"({_COLOUR})", text)
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = part if colours else ""
        else:
            parts[index] = re.sub(_HARMFUL, _escaped, part)
    return "".join(parts)


def _escaped(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


def width_of(text: str) -> int:
    """Return how many columns of a terminal a line of text takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - as above

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "FW" else 1
        for c in text
    )


def shortened(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns, with ``…`` in its middle where it is longer."""
    if width_of(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head, tail = list(text[: width // 2]), list(text[-((width - 1) // 2) :] if width > 2 else "")
    while width_of("".join(head + tail)) > width - 1:
        (head if len(head) >= len(tail) else tail).pop()
    return f"{''.join(head)}…{''.join(tail)}"


def wrapped(text: str, width: int, *, indent: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns (0: one line), broken at blanks only.

    Lines but the first are indented. A word that is longer, such as a path, is left whole, so that
    it can be copied. The blanks that the text has are kept.
    """
    text = printable_text(text).replace("\n", " ")
    if not width or width_of(text) <= width:
        return [text]
    import textwrap  # noqa: PLC0415 - as above

    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    align: str = "",
    *,
    width: int | None = None,
    yields: int | None = None,
) -> list[str]:
    """Return the lines of a table, the headers first.

    ``align`` has an ``l`` or ``r`` for each column (left where it is silent). ``width`` is what the
    lines may take, 0 for no bound; by default the terminal's when standard output is one. Cells
    that are too long lose their middle, those of the column ``yields`` first; nothing is ever
    wrapped.
    """
    cells = [[printable_text(cell).replace("\n", " ") for cell in row] for row in (headers, *rows)]
    widths = [max(width_of(row[column]) for row in cells) for column in range(len(headers))]
    bound = stdout_width() if width is None else width
    if bound:
        room = bound - 2 * (len(widths) - 1)
        if yields is not None:
            over = max(0, sum(widths) - room)
            widths[yields] = max(min(widths[yields], NARROWEST), widths[yields] - over)
        widths = _fitted(widths, room)
    sides = align.ljust(len(widths), "l")
    return [
        "  ".join(_padded(*column) for column in zip(row, widths, sides, strict=True)).rstrip()
        for row in cells
    ]


def _fitted(widths: list[int], bound: int) -> list[int]:
    """Take columns from the widest ones until all fit; none gets narrower than `NARROWEST`."""
    widths = list(widths)
    while sum(widths) > bound:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _padded(cell: str, width: int, side: str) -> str:
    short = shortened(cell, width)
    blanks = " " * (width - width_of(short))
    return blanks + short if side == "r" else short + blanks


def stdout_width() -> int:
    """Return the columns of the terminal that standard output is, or 0 when it is none."""
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
    except (OSError, ValueError):
        return 0
