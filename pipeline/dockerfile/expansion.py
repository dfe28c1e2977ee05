r"""Variables and quotes in the words of a Dockerfile, by BuildKit's rules.

``$X``, ``${X}`` and ``${X:-word}``, ``${X-word}``, ``${X:+word}``, ``${X+word}``,
``${X:?word}``, ``${X?word}`` are replaced, and the forms of `pipeline.dockerfile.patterns`; single
quotes keep everything, double quotes keep all but ``$`` and the escapes of ``"``, ``$`` and the
escape character; outside of quotes the escape character keeps the one after it. Source:
`frontend/dockerfile/shell` in BuildKit and "Environment replacement" in the Dockerfile reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile import patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECIAL = frozenset("@*#?-$!0")
"""Names of one character that a shell sets and a Dockerfile never does."""

_SIGNS = frozenset("$'\"")
"""Without these and the escape character a word is itself."""


class ExpansionError(ValueError):
    """A word that cannot be expanded; the message says why, without naming the word."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How words are read.

    ``quotes`` False leaves quotes as plain characters (the text of a heredoc). ``keep_quotes``
    and ``keep_escapes`` leave them in the result; ``keep_unset`` leaves variables without a value
    as they stand.
    """

    escape: str = "\\"
    quotes: bool = True
    keep_quotes: bool = False
    keep_escapes: bool = False
    keep_unset: bool = False


def expand(word: str, env: Mapping[str, str], style: Style) -> str:
    """Return ``word`` with variables replaced and quotes removed; ExpansionError."""
    if _SIGNS.isdisjoint(word) and style.escape not in word:
        return word
    return _Reader(word, env, style).until("")[0]


def split(line: str, style: Style) -> tuple[str, ...]:
    """Return the words of ``line``, without any variable set; ExpansionError."""
    return _Reader(line, {}, style).until("")[1]


class _Words:
    """The same text as one string and, parted at unquoted spaces, as words."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.words: list[str] = []
        self.word: list[str] = []

    def plain(self, text: str) -> None:
        self.text.append(text)
        for character in text:
            if not character.isspace():
                self.word.append(character)
            elif self.word:
                self.words.append("".join(self.word))
                self.word = []

    def quoted(self, text: str) -> None:
        self.text.append(text)
        self.word.append(text)

    def result(self) -> tuple[str, tuple[str, ...]]:
        last = "".join(self.word)
        return "".join(self.text), (*self.words, last) if last else tuple(self.words)


class _Reader:
    """A cursor over one word or line."""

    def __init__(self, source: str, env: Mapping[str, str], style: Style) -> None:
        self.source = source
        self.position = 0
        self.env = env
        self.style = style
        self.keep_escapes = style.keep_escapes

    def peek(self) -> str:
        return self.source[self.position : self.position + 1]

    def take(self) -> str:
        character = self.peek()
        self.position += 1
        return character

    def until(self, stop: str) -> tuple[str, tuple[str, ...]]:
        """Read to the unquoted character ``stop``, or to the end where it is empty."""
        words = _Words()
        while character := self.peek():
            if character == stop:
                self.take()
                return words.result()
            if character == "$":
                words.plain(self.dollar())
            elif character == "<":
                words.quoted(self.heredoc())
            elif self.style.quotes and character in "'\"":
                words.quoted(self.single() if character == "'" else self.double())
            else:
                self.character(words)
        if stop:
            raise ExpansionError(f"`{stop}` is missing")
        return words.result()

    def character(self, words: _Words) -> None:
        character = self.take()
        if character != self.style.escape:
            words.plain(character)
            return
        following = self.take()
        words.quoted(character + following if self.keep_escapes else following)

    def heredoc(self) -> str:
        """Keep the spaces between ``<<`` and its delimiter, so that both are one word."""
        result = self.take()
        if self.peek() == "<":
            result += self.take()
            while self.peek() and self.peek() in "\t\r ":
                result += self.take()
        return result

    def single(self) -> str:
        start = self.position
        end = self.source.find("'", start + 1)
        if end < 0:
            raise ExpansionError("a single quote is not closed")
        self.position = end + 1
        return (
            self.source[start : end + 1] if self.style.keep_quotes else self.source[start + 1 : end]
        )

    def double(self) -> str:
        quote = self.take() if self.style.keep_quotes else self.take()[:0]
        parts = [quote]
        while character := self.peek():
            if character == '"':
                self.take()
                return "".join((*parts, quote))
            parts.append(self.dollar() if character == "$" else self.double_character())
        raise ExpansionError("a double quote is not closed")

    def double_character(self) -> str:
        character = self.take()
        if character != self.style.escape:
            return character
        kept = character if self.keep_escapes else ""
        following = self.peek()
        if not following:
            return kept
        if following in ('"', "$", self.style.escape):
            return kept + self.take()
        return kept + character

    def dollar(self) -> str:
        self.take()
        if self.peek() != "{":
            name = self.name()
            if not name:
                return "$"
            unset = f"${name}" if self.style.keep_unset else ""
            return self.env.get(name, unset)
        self.take()
        if not self.peek():
            raise ExpansionError("`}` is missing")
        if self.peek() in "{}:":
            raise ExpansionError("`${` needs the name of a variable")
        return self.braced(self.name())

    def name(self) -> str:
        """Read the name of a variable, or the digits or the sign of a positional one."""
        start = self.position
        first = self.peek()
        if first.isdigit():
            while self.peek().isdigit():
                self.take()
        elif first and first in SPECIAL:
            self.take()
        else:
            while self.peek().isalpha() or self.peek().isdigit() or self.peek() == "_":
                self.take()
        return self.source[start : self.position]

    def braced(self, name: str) -> str:
        operator = self.take()
        if not operator:
            raise ExpansionError("`}` is missing")
        if operator == "}":
            unset = f"${{{name}}}" if self.style.keep_unset else ""
            return self.env.get(name, unset)
        if operator in "#%/":
            return self.pattern(name, operator)
        if operator == ":":
            operator += self.take()
        if operator not in ("-", "+", "?", ":-", ":+", ":?"):
            raise ExpansionError(f"`${{{name}{operator}` is not supported")
        return self.choose(name, operator, self.inner("}", keep_escapes=False))

    def inner(self, stop: str, *, keep_escapes: bool) -> str:
        """Read a word inside of braces: with its ordinary meaning, whatever is kept outside."""
        kept, self.keep_escapes = self.keep_escapes, keep_escapes
        word, _ = self.until(stop)
        self.keep_escapes = kept
        return word

    def pattern(self, name: str, operator: str) -> str:
        if double := self.peek() == operator:
            self.take()
        pattern = self.inner("/" if operator == "/" else "}", keep_escapes=True)
        word = self.inner("}", keep_escapes=True) if operator == "/" else ""
        value = self.env.get(name)
        if value is None:
            written = f"{operator * (1 + double)}{pattern}{'/' * (operator == '/')}{word}"
            return f"${{{name}{written}}}" if self.style.keep_unset else ""
        try:
            if operator == "/":
                return patterns.replace(value, pattern, word, every=double)
            remove = patterns.remove_prefix if operator == "#" else patterns.remove_suffix
            return remove(value, pattern, longest=double)
        except ValueError as error:
            raise ExpansionError(str(error)) from error

    def choose(self, name: str, operator: str, word: str) -> str:
        value = self.env.get(name)
        if value is None and self.style.keep_unset:
            return f"${{{name}{operator}{word}}}"
        filled = bool(value) if operator.startswith(":") else value is not None
        match operator[-1]:
            case "-":
                return value or "" if filled else word
            case "+":
                return word if filled else ""
            case _:
                if not filled:
                    raise ExpansionError(f"`{name}` {word or 'has no value'}")
                return value or ""
