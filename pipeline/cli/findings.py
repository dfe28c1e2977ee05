"""What audits found, laid out for people. Shared by `pipeline run` and `pipeline audit`."""

from __future__ import annotations

from pipeline.console import printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Found = Sequence[Mapping[str, str]]


def findings_lines(files: Iterable[tuple[str, Found]], width: int) -> list[str]:
    """Return the findings of files as a table, the name of each file over its own.

    Messages are wrapped to ``width`` columns, 0 for no bound; nothing of them is left out.
    """
    told = [(heading, found) for heading, found in files if found]
    rules = max((len(f["rule"]) for _, found in told for f in found), default=0)
    lines = []
    for heading, found in told:
        lines.append(printable_text(heading))
        for each in found:
            lines += _row(each, rules, width)
    return lines


def _row(found: Mapping[str, str], rules: int, width: int) -> Iterator[str]:
    import textwrap  # noqa: PLC0415 - most files have no findings

    before = f"  {found['level']:7}  {found['rule']:{rules}}  "
    message = printable_text(found["message"]).replace("\n", " ")
    room = max(width - len(before), 20) if width else len(message) + 1
    words = textwrap.wrap(message, room, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(words):
        yield (" " * len(before) if number else before) + line
