"""``.dockerignore``: which files of a context are not there, by Docker's rules.

The last pattern that matches a path or a directory above it decides, ``!`` brings back. Source:
".dockerignore files" in Docker's documentation; `patternmatcher` and `ignorefile` of moby.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import normpath

NAME = ".dockerignore"

_TOKEN = re.compile(
    r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<any>\?)|(?P<set>\[(?:\\.|[^\]\\])*\])|\\(?P<escaped>.)"
    r"|(?P<plain>.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Rule:
    """A line of the file: what it matches, and whether it hides that or brings it back."""

    expression: re.Pattern[str]
    hides: bool


def parse_ignore(text: str) -> tuple[Rule, ...]:
    """Return the rules of a file's text; ValueError names a malformed pattern."""
    rules: list[Rule] = []
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = "" if line.startswith("#") else line.strip()
        hides = not pattern.startswith("!")
        if pattern := pattern.removeprefix("!").strip():
            path = normpath(pattern).lstrip("/")
            rules.append(Rule(expression=_expression(path), hides=hides))
        elif not hides:
            raise ValueError(line)
    return tuple(rules)


def is_hidden(path: str, rules: tuple[Rule, ...]) -> bool:
    """Return whether a path, relative to the context, is hidden."""
    names = path.split("/")
    candidates = ["/".join(names[:length]) for length in range(len(names), 0, -1)]
    hidden = False
    for rule in rules:
        if rule.hides != hidden and any(map(rule.expression.fullmatch, candidates)):
            hidden = rule.hides
    return hidden


def _expression(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    for token in _TOKEN.finditer(pattern):
        if token["deep"]:
            parts.append(".*" if token.end() == len(pattern) else "(?:.*/)?")
        elif token["star"]:
            parts.append("[^/]*")
        elif token["any"]:
            parts.append("[^/]")
        elif token["set"]:
            parts.append("[" + re.sub(r"([\[&|~])", r"\\\1", token["set"][1:]))
        else:
            parts.append(re.escape(token["escaped"] or token["plain"]))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise ValueError(pattern) from error
