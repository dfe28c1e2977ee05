"""What every check across values works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.paths import escape
from pipeline.config.problems import describe, nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.config.model import Pipeline
    from pipeline.config.problems import Problems

KeyPath = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Checking:
    """A decoded pipeline under examination, and the problems found so far."""

    pipeline: Pipeline
    problems: Problems

    def wrong(self, path: KeyPath, message: str, hint: str = "") -> None:
        """Note a problem at a path of keys."""
        self.problems.add(self.pipeline.location(*path), message, hint)

    def inside(self, path: KeyPath, text: str) -> bool:
        """Say whether a path or glob stays in the repository, and note it when it does not."""
        reason = escape(self.pipeline.root, text)
        if reason:
            message = f"{describe(path)} must stay inside the repository: {quoted(text)} {reason}"
            self.wrong(path, message, "write a path relative to the top of the repository")
        return not reason

    def known(self, path: KeyPath, name: str, what: str, names: Collection[str]) -> bool:
        """Say whether ``name`` is one of ``names``, and note it when it is not."""
        if name in names:
            return True
        message = f"{describe(path)} names an unknown {what}: {quoted(name)}"
        self.wrong(path, message, nearest(name, names) or f"no {what} is declared")
        return False

    def unique(self, path: KeyPath, values: Sequence[str]) -> None:
        """Note each value that a list holds a second time."""
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                message = f"{quoted(value)} stands twice in {describe(path)}"
                self.wrong((*path, str(index)), message, "keep one")
            seen.add(value)
