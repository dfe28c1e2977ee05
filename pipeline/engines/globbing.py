"""Wildcards in the sources of COPY: the rules of Go's `path/filepath.Match`, name by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.engines.union import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.engines.union import Union

_TOKEN = re.compile(
    r"(?P<star>\*+)"
    r"|(?P<any>\?)"
    r"|\[(?P<not>\^?)(?P<set>(?:\\.|[^\]\\])+)\]"
    r"|\\(?P<escaped>.)"
    r"|(?P<plain>[^*?\[\\])",
    re.DOTALL,
)


def has_wildcards(path: str) -> bool:
    """Return whether a path holds ``*``, ``?`` or ``[`` that no backslash escapes."""
    return re.search(r"[*?\[]", re.sub(r"\\.", "", path)) is not None


def expression(pattern: str) -> re.Pattern[str]:
    r"""Return the regular expression for one name; ValueError for a malformed pattern.

    ``*`` and ``?`` match any characters of a name, leading dots included; ``[a-c]`` and ``[^a]``
    sets; a backslash makes the next character plain.
    """
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            raise ValueError(pattern)
        parts.append(_translated(token))
        position = token.end()
    return re.compile("".join(parts), re.DOTALL)


def _translated(token: re.Match[str]) -> str:
    if token["star"]:
        return ".*"
    if token["any"]:
        return "."
    if token["set"]:
        members = re.sub(r"\\(.)|([\[&|~^])", lambda m: "\\" + (m[1] or m[2]), token["set"])
        return f"[{token['not']}{members}]"
    return re.escape(token["escaped"] or token["plain"])


def matches(union: Union, path: str) -> Iterator[str]:
    """Yield the paths of a view that ``path``, absolute and with wildcards, matches, in order.

    Links in the part before the first wildcard are followed, later ones are not.
    """
    names = [name for name in path.split("/") if name]
    first = next(index for index, name in enumerate(names) if has_wildcards(name))
    start = union.find("/" + "/".join(names[:first]))
    if isinstance(start.node, Directory):
        patterns = [expression(name) for name in names[first:]]
        yield from _below(union, start.node, start.path.rstrip("/"), patterns)


def _below(
    union: Union, directory: Directory, path: str, patterns: list[re.Pattern[str]]
) -> Iterator[str]:
    first, *rest = patterns
    for name in union.names(directory):
        if not first.fullmatch(name):
            continue
        if not rest:
            yield f"{path}/{name}"
            continue
        below = union.child(directory, name)
        if isinstance(below, Directory):
            yield from _below(union, below, f"{path}/{name}", rest)
