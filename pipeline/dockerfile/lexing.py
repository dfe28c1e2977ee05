r"""From the text of a Dockerfile to its logical lines.

Handles what stands above single instructions: parser directives, comments, continued lines, the
``--flags`` after the instruction's name, and heredocs. Source: the parser of BuildKit
(`frontend/dockerfile/parser`) and the Dockerfile reference.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.dockerfile.expansion import ExpansionError, Style, split
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WITH_HEREDOCS = frozenset(("RUN", "COPY", "ADD"))

_SPACE = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(\d*)<<(-?)\s*([^<]+)")
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Heredoc:
    """An inline document. ``text`` is as it stands; ``expand`` is False for a quoted delimiter."""

    name: str
    text: str = ""
    expand: bool = True
    tabs_stripped: bool = False

    @property
    def content(self) -> str:
        """The text, without leading tabs where the delimiter says ``<<-``."""
        return _LEADING_TABS.sub("", self.text) if self.tabs_stripped else self.text


@dataclass(frozen=True, kw_only=True)
class Line:
    """One instruction: its number, name in capitals, flags, the rest, and its heredocs."""

    number: int
    name: str
    flags: tuple[str, ...]
    rest: str
    heredocs: tuple[Heredoc, ...] = ()


def fault(number: int, message: str, hint: str = "") -> ConfigError:
    """Return the error for a line of the Dockerfile."""
    return ConfigError(message, where=f"Dockerfile:{number}", hint=hint)


def nearest(word: str, names: Iterable[str]) -> str:
    """Return a hint that names what ``word`` may have been meant to be, else all names."""
    import difflib  # noqa: PLC0415 - only for an error

    known = sorted(names)
    found = difflib.get_close_matches(word, known, n=1)
    if found:
        return f"did you mean `{found[0]}`?"
    return f"use one of {', '.join(f'`{name}`' for name in known)}" if known else ""


def escape_character(lines: Sequence[str]) -> str:
    """Return what the ``# escape=`` directive sets; ConfigError for directives we refuse.

    Directives stand at the very top, before any other comment, blank line or instruction.
    """
    found: dict[str, str] = {}
    first = 1 if lines and lines[0].startswith("#!") else 0
    for number, line in enumerate(lines[first:], first + 1):
        match = _DIRECTIVE.match(line.strip())
        if match is None or match[1].lower() not in ("syntax", "escape", "check"):
            break
        name = match[1].lower()
        if name == "syntax":
            raise fault(
                number,
                "`# syntax=` names a program that would read this file in our place",
                "remove the line; the supported instructions need none",
            )
        if name in found:
            raise fault(number, f"the directive `# {name}=` stands twice")
        if name == "escape" and match[2] not in ("\\", "`"):
            raise fault(number, f"`# escape=` may be a backslash or a backtick, not `{match[2]}`")
        # Below a `#!` line Docker looks for a frontend but takes no other directive.
        if first == 0:
            found[name] = match[2]
    return found.get("escape", "\\")


def logical_lines(text: str) -> tuple[str, tuple[Line, ...]]:
    """Return the escape character and every instruction's line; ConfigError."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    escape = escape_character(lines)
    return escape, tuple(_Lines(lines, escape))


class _Lines:
    """Iterates over logical lines, consuming physical ones."""

    def __init__(self, lines: Sequence[str], escape: str) -> None:
        self.lines = lines
        self.next = 0
        self.escape = escape
        mark = re.escape(escape)
        self.continued = re.compile(rf"(^|[^{mark}]){mark}[ \t]*$")

    def __iter__(self) -> Iterator[Line]:
        while self.next < len(self.lines):
            number = self.next + 1
            joined = self.join()
            if joined is None:
                continue
            if not joined.strip():
                raise fault(number, "an instruction is continued but never begins")
            yield self.line(number, joined.strip())

    def join(self) -> str | None:
        """Read one logical line; None for a blank line or a comment."""
        text, ended = self.cut(self.take().lstrip())
        if text.startswith("#") or (ended and not text):
            return None
        parts = [text]
        while not ended and self.next < len(self.lines):
            line = self.take()
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            text, ended = self.cut(line)
            parts.append(text)
        return "".join(parts)

    def take(self) -> str:
        self.next += 1
        return self.lines[self.next - 1].rstrip("\r")

    def cut(self, line: str) -> tuple[str, bool]:
        """Return the line without its continuation mark, and whether it ends the instruction."""
        if line.startswith("#") or not self.continued.search(line):
            return line, True
        return self.continued.sub(r"\1", line), False

    def line(self, number: int, joined: str) -> Line:
        name, *after = _SPACE.split(joined, maxsplit=1)
        flags, rest = flags_of("".join(after), self.escape)
        line = Line(number=number, name=name.upper(), flags=flags, rest=rest.strip())
        if line.name not in WITH_HEREDOCS or "<<" not in joined or json_words(line) is not None:
            return line
        opened = heredocs_of(number, joined)
        return replace(line, heredocs=tuple(self.heredoc(number, each) for each in opened))

    def heredoc(self, number: int, document: Heredoc) -> Heredoc:
        start = self.next
        while self.next < len(self.lines):
            line = self.take()
            if (line.lstrip("\t") if document.tabs_stripped else line) == document.name:
                text = "".join(f"{each}\n" for each in self.lines[start : self.next - 1])
                return replace(document, text=text)
        raise fault(
            number,
            f"the heredoc `{document.name}` is not closed",
            f"end it by a line that holds `{document.name}` and nothing else",
        )


def heredocs_of(number: int, line: str) -> tuple[Heredoc, ...]:
    """Return the heredocs a line opens, without their text."""
    try:
        words = split(line, Style(keep_quotes=True, keep_escapes=True, keep_unset=True))
    except ExpansionError:
        # A line with an odd quote (`RUN echo it's`) is the shell's to judge; it opens nothing.
        return ()
    try:
        return tuple(found for word in words if (found := heredoc_word(word)))
    except ExpansionError as error:
        raise fault(number, f"the delimiter of a heredoc cannot be read: {error}") from error


def heredoc_word(word: str) -> Heredoc | None:
    """Return the heredoc that a whole word such as ``<<-'EOF'`` opens, else None."""
    match = _HEREDOC.fullmatch(word)
    if match is None:
        return None
    names = split(match[3], Style(keep_unset=True))
    if len(names) != 1:
        return None
    raw = split(match[3], Style(keep_unset=True, keep_quotes=True))[0]
    quotes = sum(map(raw.count, "'\"")) - sum(map(names[0].count, "'\""))
    return Heredoc(name=names[0], expand=not quotes, tabs_stripped=bool(match[2]))


def flags_of(rest: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Part the leading ``--flag`` words, quotes removed, from the rest of an instruction.

    A word ``--`` alone ends the flags.
    """
    flags: list[str] = []
    position = 0
    while True:
        while rest[position : position + 1].isspace():
            position += 1
        if not rest.startswith("--", position):
            return tuple(flags), rest[position:]
        word, position = _flag(rest, position, escape)
        if word == "--":
            return tuple(flags), rest[position:]
        flags.append(word)


def _flag(rest: str, position: int, escape: str) -> tuple[str, int]:
    """Read one flag from ``position``; an escape keeps the next character, in quotes as well."""
    word: list[str] = []
    quote = ""
    while position < len(rest):
        character = rest[position]
        if not quote and character.isspace():
            break
        if character == escape:
            position += 1
            word.append(rest[position : position + 1])
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word.append(character)
        position += 1
    return "".join(word), min(position, len(rest))


def words_of(rest: str, escape: str) -> tuple[str, ...]:
    """Part ``rest`` at spaces that are not quoted or escaped; quotes and escapes are kept."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    characters = iter(rest)
    for character in characters:
        if not quote and character.isspace():
            if word:
                words.append("".join(word))
                word = []
            continue
        if character == escape and quote != "'":
            following = next(characters, "")
            word.append(character + following if following else "")
            continue
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        word.append(character)
    if word and any(word):
        words.append("".join(word))
    return tuple(words)


def json_words(line: Line) -> tuple[str, ...] | None:
    """Return the strings of a JSON list, or None where the rest of the line is not one.

    What looks like JSON but is not (single quotes, a shell's ``[``) is ordinary text, as Docker
    has it; a JSON list of something else than strings is an error.
    """
    if not line.rest.startswith("["):
        return None
    try:
        words = json.loads(line.rest)
    except ValueError:
        return None
    if not all(isinstance(word, str) for word in words):
        raise fault(line.number, f"the JSON form of `{line.name}` may hold strings only")
    return tuple(words)


def plain_words(rest: str) -> tuple[str, ...]:
    """Part ``rest`` at white space; quotes have no meaning here."""
    return tuple(_SPACE.split(rest)) if rest else ()
