"""Say in a few words why two contents differ, as far as that can be known from the bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.wheels.elf import MAGIC

if TYPE_CHECKING:
    from collections.abc import Sequence

_GZIP_MAGIC = b"\x1f\x8b"
_BUILD_ID = re.compile(rb"\x04\0\0\0(.)\0\0\0\x03\0\0\0GNU\0", re.DOTALL)
_PRINTABLE = frozenset(range(0x20, 0x7F))
# What __DATE__, __TIME__, RFC 3339 and bare seconds since 1970 look like.
_TIMES = re.compile(
    r"\b(?:[A-Z][a-z]{2} [ \d]\d \d{4}|\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d|1[5-9]\d{8})\b"
)
_SHOWN = 60


def cause_of(name: str, left: bytes, right: bytes) -> str:
    """Return the cause as far as it is known, else where the first difference is."""
    if left[:2] == right[:2] == _GZIP_MAGIC and _same_but(left, right, 4, 8):
        return "the time in its gzip header"
    if name.endswith((".pyc", ".pyo")):
        return _cause_in_bytecode(left, right)
    if left.startswith(MAGIC) and right.startswith(MAGIC):
        return _cause_in_elf(left, right)
    lines = _as_lines(left), _as_lines(right)
    if lines[0] is not None and lines[1] is not None:
        return _cause_in_text(lines[0], lines[1])
    return _cause_at(left, right)


def _cause_in_bytecode(left: bytes, right: bytes) -> str:
    if left[:4] != right[:4]:
        return "bytecode of another interpreter"
    if left[16:] == right[16:]:
        return "the source's time or hash in its bytecode header (PEP 552)"
    return f"bytecode; {_cause_at(left, right)}"


def _cause_in_elf(left: bytes, right: bytes) -> str:
    if left != right and _without_build_id(left) == _without_build_id(right):
        return "only the ELF build id note"
    return _cause_at(_without_build_id(left), _without_build_id(right))


def _without_build_id(data: bytes) -> bytes:
    match = _BUILD_ID.search(data)
    if not match:
        return data
    size = match[1][0]
    return data[: match.end()] + bytes(size) + data[match.end() + size :]


def _cause_in_text(left: list[str], right: list[str]) -> str:
    if sorted(left) == sorted(right):
        return f"the same lines in another order, from line {_first(left, right) + 1}"
    if [line.rstrip() for line in left] == [line.rstrip() for line in right]:
        return f"only line ends or trailing blanks, from line {_first(left, right) + 1}"
    index = _first(left, right)
    texts = [(lines[index] if index < len(lines) else "") for lines in (left, right)]
    return f"line {index + 1}: {_against(texts[0].rstrip(), texts[1].rstrip())}"


def _cause_at(left: bytes, right: bytes) -> str:
    """Return the first difference: as text where it is inside printable text, else its offset."""
    offset = _first(left, right)
    where = f"from offset {offset} (0x{offset:x})"
    texts = _run_at(left, offset), _run_at(right, offset)
    if min(len(text) for text in texts) < 6:
        return f"{where} of {len(left)} and {len(right)} bytes"
    return f"{where}, {_against(*texts)}"


def _against(left: str, right: str) -> str:
    """Return both texts around their first difference, named when they are times or paths."""
    if _TIMES.sub("", left) == _TIMES.sub("", right):
        word = "a time of the build, "
    elif _is_path_difference(left, right):
        word = "a path of the build, "
    else:
        word = ""
    start = max(0, _first(left, right) - _SHOWN // 2)
    shown = (ascii(text[start : start + _SHOWN])[1:-1] for text in (left, right))
    return word + " against ".join(f"`{text}`" for text in shown)


def _is_path_difference(left: str, right: str) -> bool:
    offset = _first(left, right)
    words = [_word_at(text, offset) for text in (left, right)]
    return all(word.startswith("/") and word.count("/") > 1 for word in words)


def _word_at(text: str, offset: int) -> str:
    start = max(text.rfind(stop, 0, offset) for stop in " \"'=<>(),;:\t") + 1
    return re.split(r"[ \"'<>(),;\t]", text[start:], maxsplit=1)[0]


def _run_at(data: bytes, offset: int) -> str:
    """Return the printable ASCII around an offset, at most a few hundred characters."""
    start = end = min(offset, len(data))
    while start > max(0, offset - 200) and data[start - 1] in _PRINTABLE:
        start -= 1
    while end < min(len(data), offset + 200) and data[end] in _PRINTABLE:
        end += 1
    return data[start:end].decode("ascii")


def _as_lines(data: bytes) -> list[str] | None:
    if b"\0" in data:
        return None
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        return None


def _same_but(left: bytes, right: bytes, start: int, end: int) -> bool:
    return left[:start] == right[:start] and left[end:] == right[end:]


def _first(left: Sequence[object], right: Sequence[object]) -> int:
    """Return the index of the first difference of two sequences that do differ."""
    shorter = min(len(left), len(right))
    step = 4096
    for start in range(0, shorter, step):
        if left[start : start + step] != right[start : start + step]:
            pairs = zip(left[start : start + step], right[start : start + step], strict=False)
            return start + next((i for i, (a, b) in enumerate(pairs) if a != b), shorter - start)
    return shorter
