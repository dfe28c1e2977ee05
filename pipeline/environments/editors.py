"""What editors have to be told to use an exported environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.environments.export import FOLDER
from pipeline.errors import UsageError
from pipeline.files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILES = {"vscode": ".vscode/settings.json", "pyright": "pyrightconfig.json"}
"""The file of each editor, relative to the repository."""


def settings(editor: str, name: str, roots: Sequence[str]) -> str:
    """Return the settings with which an editor (a key of `FILES`) uses environment ``name``.

    ``roots`` are the directories from which its own projects are imported: an editor that knows
    them opens the sources, not the links that an environment has to them.
    """
    extra = [place for place in roots if place not in {".", "src"}]
    document: dict[str, object]
    if editor == "vscode":
        interpreter = f"${{workspaceFolder}}/{(FOLDER / name).as_posix()}/bin/python"
        document = {"python.defaultInterpreterPath": interpreter}
        document |= {"python.analysis.extraPaths": extra} if extra else {}
    else:
        document = {"venvPath": FOLDER.as_posix(), "venv": name}
        document |= {"extraPaths": extra} if extra else {}
    return json.dumps(document, indent=2) + "\n"


def write(editor: str, text: str, root: Path) -> str:
    """Write an editor's file and return its name; UsageError where it holds something else."""
    name = FILES[editor]
    path = root / name
    if path.exists() or path.is_symlink():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return name
        raise UsageError(
            f"`{name}` is there already, and is not overwritten",
            hint="add what is missing by hand; without `--write` it is printed",
        )
    path.parent.mkdir(exist_ok=True)
    atomic_write(path, text.encode())
    return name
