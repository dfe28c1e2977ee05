"""What is wrong with a declaration, gathered, so that one run shows every mistake of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config.fields import Location

SHOWN = 20
"""How many problems one error tells."""

QUOTED = 60
"""How many characters of the user's own text a message repeats."""


class Problem(NamedTuple):
    """One mistake: where it stands, one sentence, and what to do about it."""

    where: Location
    message: str
    hint: str = ""

    @property
    def line(self) -> str:
        """The problem as one line, for the list below the first."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.message}{hint}"

    @property
    def order(self) -> tuple[bool, str, int, int]:
        """Sorts as one reads: `pipeline.yaml` before the images, then by position."""
        return ("/" in self.where.file, self.where.file, self.where.line, self.where.column)


class Problems:
    """Collects problems; `refuse` raises them together."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, where: Location, message: str, hint: str = "") -> None:
        """Note one problem and go on."""
        self.found.append(Problem(where=where, message=message, hint=hint))

    def refuse(self) -> None:
        """Raise ConfigError when anything was found: the first leads, the others are its detail."""
        if not self.found:
            return
        first, *others = sorted(self.found, key=lambda problem: problem.order)
        detail = [problem.line for problem in others[: SHOWN - 1]]
        if len(others) >= SHOWN:
            detail.append(f"and {len(others) - SHOWN + 1} more")
        raise ConfigError(
            first.message, where=str(first.where), hint=first.hint, detail=tuple(detail)
        )


def quoted(text: str) -> str:
    """Return the user's text in backticks, on one line and not too long."""
    line = text.replace("\n", "\\n").replace("\t", "\\t")
    if len(line) > QUOTED:
        line = f"{line[: QUOTED - 1]}…"
    return f"`{line}`"


def listing(words: Iterable[str]) -> str:
    """Return words in backticks with commas between."""
    return ", ".join(f"`{word}`" for word in words)


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like ``word``, or nothing when none is."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    # Sorted, so that of two words equally alike the same is named each time.
    return next(iter(difflib.get_close_matches(word[:QUOTED], sorted(known), 1, 0.5)), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint: the known word most like ``word``, else all of them when they are few."""
    names = sorted(known)
    if close := closest(word, names):
        return f"did you mean `{close}`?"
    return f"known here: {listing(names)}" if 0 < len(names) <= SHOWN else ""


_NAMED = {"stages": "stage", "environments": "environment", "images": "image"}


def describe(path: tuple[str, ...]) -> str:
    """Return words for a path of keys: ``("stages", "wheel", "image")`` is "`image` of stage …"."""
    if not path:
        return "`pipeline.yaml`"
    owner, rest = "", path
    if len(path) > 1 and path[0] in _NAMED:
        owner, rest = f"{_NAMED[path[0]]} `{path[1]}`", path[2:]
    if not rest:
        return owner
    entry = ""
    if rest[-1].isdigit():
        entry, rest = "an entry of ", rest[:-1]
    inside = f" of {owner}" if owner else ""
    return f"{entry}`{'.'.join(rest)}`{inside}"
