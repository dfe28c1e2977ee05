"""The notes of the coming release, drafted by towncrier without writing anything.

Towncrier runs as a program of the tool's own environment: it has no stable library interface,
and a template of the project's own is better kept out of this process.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, StageFailedError
from pipeline.process import printable, run
from pipeline.release.fragments import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.release.fragments import Settings

TIMEOUT_SECONDS = 120.0


def draft(root: Path, *, version: str, date: str, changes: str = "") -> str:
    """Return the section of the changelog that a release of ``version`` on ``date`` would add.

    ``date`` is ISO 8601 (``2026-11-20``). ``changes`` is the directory of fragments by
    ``pipeline.yaml``; ConfigError when towncrier's own settings name another one, or when it has
    none. StageFailedError carries towncrier's words. Nothing is written, in the repository or
    elsewhere.
    """
    settings = read_settings(root)
    if changes and settings.directory != changes.strip("/"):
        raise ConfigError(
            f"towncrier reads fragments from `{settings.directory or '(unset)'}`, "
            f"the project declares `{changes}`",
            where=settings.file,
            hint=f'set `directory = "{changes}"` in `[tool.towncrier]`, or '
            "`project: {changes: …}` in `pipeline.yaml`",
        )
    command = draft_command(root, settings, version=version, date=date)
    completed = run(command, env=_environment(), cwd=root, timeout=TIMEOUT_SECONDS)
    if completed.status:
        raise StageFailedError(
            "towncrier could not draft the changelog",
            hint=f"repeat it with `{printable(command)}`",
            detail=tuple(completed.stderr.strip().splitlines()[-40:]),
        )
    return completed.stdout.strip("\n") + "\n"


def draft_command(root: Path, settings: Settings, *, version: str, date: str) -> tuple[str, ...]:
    """Return the command that drafts the notes, for this interpreter's environment.

    ``-P`` keeps modules that lie in the repository from being taken for towncrier's, ``-B`` keeps
    bytecode out of it. Without a project's name towncrier would import the package to ask it, and
    so run code of the repository; the package's own name serves instead.
    """
    name = () if settings.name or not settings.package else ("--name", settings.package)
    return (
        *(sys.executable, "-P", "-B", "-m", "towncrier", "build", "--draft"),
        *("--dir", str(root), "--version", version, "--date", date),
        *name,
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TZ": "UTC"}
