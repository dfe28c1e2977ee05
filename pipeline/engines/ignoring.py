"""A build's own context with a ``.dockerignore``: no instruction sees what that hides."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.dockerfile.ignore import NAME, is_hidden, parse_ignore
from pipeline.engines.copying import Copier, Target
from pipeline.engines.union import Union
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.dockerfile.ignore import Rule
    from pipeline.engines.union import Directory, Node


def has_ignore(context: Path) -> bool:
    """Return whether a context has rules of its own at its root."""
    return os.path.isfile(context / NAME)


def shown(context: Path, destination: Path, *, epoch: int) -> Path:
    """Make ``destination`` of the files that are not hidden, as links; ConfigError, OSError."""
    destination.mkdir()
    try:
        rules = parse_ignore((context / NAME).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"the pattern `{error}` is malformed", where=NAME) from error
    copier = Copier(Union((str(destination),)), str(destination), epoch=epoch)
    copier.copy(_Shown(context, rules), "/", Target(path="/", directory=True))
    copier.finish()
    return destination


class _Shown(Union):
    """A view of one directory without what rules hide.

    A hidden directory is there all the same when something below it is brought back.
    """

    def __init__(self, context: Path, rules: tuple[Rule, ...]) -> None:
        super().__init__((str(context),))
        top = str(context)
        self._visible = {top}
        for parent, directories, files in os.walk(context):
            for name in (*directories, *files):
                path = f"{parent}/{name}"
                if not is_hidden(path[len(top) + 1 :], rules):
                    self._show(path)

    def _show(self, path: str) -> None:
        while path not in self._visible:
            self._visible.add(path)
            path = os.path.dirname(path)

    def entries(self, directory: Directory) -> list[tuple[str, Node]]:
        """Return what is shown of a directory."""
        top = directory.hosts[0]
        found = super().entries(directory)
        return [(name, node) for name, node in found if f"{top}/{name}" in self._visible]
