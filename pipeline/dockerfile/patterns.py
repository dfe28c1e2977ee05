r"""The pattern forms of variables: ``${X#p}``, ``${X%p}``, ``${X/p/r}`` and their doubles.

``*`` stands for any characters, ``?`` for one, a backslash makes ``*``, ``?``, ``/``, ``}`` and
itself plain; brackets have no meaning. Source: "Environment replacement" in the Dockerfile
reference, `convertShellPatternToRegex` in BuildKit's `frontend/dockerfile/shell`.
"""

from __future__ import annotations

import re

_ESCAPED = frozenset("*?/}\\")


def remove_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """Return a value without what matches at its front; ValueError for a malformed pattern."""
    match = re.match(_expression(pattern, longest=longest), value, re.DOTALL)
    return value[match.end() :] if match else value


def remove_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """Return a value without what matches at its end; ValueError for a malformed pattern."""
    expression = re.compile(_expression(pattern, longest=True), re.DOTALL)
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:at] for at in starts if expression.fullmatch(value, at)), value)


def replace(value: str, pattern: str, replacement: str, *, every: bool) -> str:
    """Return a value with the first match, or each, replaced; ValueError as above."""
    expression = _expression(pattern, longest=True)
    count = 0 if every else 1
    return re.sub(expression, lambda _: replacement, value, count=count, flags=re.DOTALL)


def _expression(pattern: str, *, longest: bool) -> str:
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            if following not in _ESCAPED:
                raise ValueError(f"`\\{following}` in `{pattern}` is no escape")
            parts.append(re.escape(following))
        elif character == "*":
            parts.append(".*" if longest else ".*?")
        else:
            parts.append("." if character == "?" else re.escape(character))
    return "".join(parts)
