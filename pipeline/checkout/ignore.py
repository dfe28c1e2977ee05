"""The rules of ``.gitignore`` files, for directories that git itself does not look after.

An unpacked sdist or an exported archive must give a stage the same inputs as a checkout does,
also where git is not installed. Source: gitignore(5), section "Pattern format". The tests compare
with git's own answers.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_BYTES = 1 << 20
"""A longer ``.gitignore`` is cut off here; nobody wrote it by hand."""

TOKEN = re.compile(
    r"(?P<deep>\*\*)|(?P<star>\*)|(?P<any>\?)|(?P<set>\[[!^]?\]?(?:\\.|[^\\\]/])*\])|\\(?P<quoted>.)|(?P<char>.)",
    re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line: what it matches (paths relative to the root), and what it says about them."""

    pattern: re.Pattern[str]
    ignored: bool
    directories_only: bool


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The lines in force in a directory, those of its parents first; the last match decides."""

    lines: tuple[Rule, ...]

    @classmethod
    def none(cls) -> Rules:
        """Return the rules in force above the root."""
        return cls(lines=())

    def below(self, root: Path, directory: str) -> Rules:
        """Return the rules in force in ``directory``: ``""``, or relative with a final slash."""
        try:
            with (root / directory / ".gitignore").open("rb") as stream:
                data = stream.read(MAXIMUM_BYTES)
        except OSError:
            return self
        own = (parse(line, _octets(directory)) for line in data.decode("latin-1").split("\n"))
        return Rules(lines=(*self.lines, *(rule for rule in own if rule)))

    def ignores(self, path: str, *, is_directory: bool) -> bool:
        """Tell whether ``path`` is ignored, given that the directories above it are not."""
        octets = _octets(path)
        for rule in reversed(self.lines):
            if rule.directories_only and not is_directory:
                continue
            if rule.pattern.fullmatch(octets):
                return rule.ignored
        return False


def _octets(path: str) -> str:
    """Return ``path`` with one character for each byte: git's ``?`` stands for a byte."""
    return os.fsencode(path).decode("latin-1")


def parse(line: str, directory: str) -> Rule | None:
    """Return the rule that ``line`` of ``directory``'s file states; None when it states none.

    Both have one character for each byte. Sets of named classes (``[[:alpha:]]``) are not known.
    """
    text = _without_trailing_blanks(line.removesuffix("\r"))
    if not text or text.startswith("#"):
        return None
    ignored = not text.startswith("!")
    text = text if ignored else text[1:]
    directories_only = text.endswith("/")
    text = text.rstrip("/") if directories_only else text
    anchored = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    where = re.escape(directory) + ("" if anchored else "(?:.*/)?")
    try:
        pattern = re.compile(where + _expression(text), re.DOTALL)
    except re.error:
        return None  # git, too, lets a malformed set match nothing
    return Rule(pattern=pattern, ignored=ignored, directories_only=directories_only)


def _without_trailing_blanks(text: str) -> str:
    stripped = text.rstrip(" ")
    escapes = len(stripped) - len(stripped.rstrip("\\"))
    return f"{stripped} " if escapes % 2 and stripped != text else stripped


def _expression(glob: str) -> str:
    """Return ``glob`` as a regular expression; ``**`` crosses slashes only as a whole part."""
    parts = glob.split("/")
    pieces: list[str] = []
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            pieces.append(".+" if is_last else "(?:.*/)?")
        else:
            pieces.append(_part(part) + ("" if is_last else "/"))
    return "".join(pieces)


def _part(glob: str) -> str:
    return "".join(_token(match) for match in TOKEN.finditer(glob))


def _token(match: re.Match[str]) -> str:
    if match["deep"] or match["star"]:
        return "[^/]*"
    if match["any"]:
        return "[^/]"
    if match["set"]:
        inner = match["set"][1:-1]
        negated = inner[:1] in {"!", "^"}
        body = _set_body(inner[1:] if negated else inner)
        return f"(?!/)[^{body}]" if negated else f"[{body}]"
    return re.escape(match["quoted"] or match["char"])


def _set_body(text: str) -> str:
    return re.sub(r"\\(.)|([\[\]&~|^])", lambda m: re.escape(m[1] or m[2]), text)
