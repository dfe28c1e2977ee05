"""Becoming a command in an environment, at once where nothing moved since the last time.

The first call makes the environment and records which files that rested on (`pipeline.cli.noop`).
Later calls compare their status and become the command without reading YAML, lock or store.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from pipeline.cli import noop
from pipeline.errors import UsageError
from pipeline.store.usage import RECORD, touch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

NAMED = ("-e", "--environment")


def enter_recorded(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Become the command that ``exec ...`` asks for if its environment is on record, and whole.

    Returns where the call is not a plain one, or something moved since.
    """
    name, command = "dev", list(words[1:])
    if command[:1] and command[0] in NAMED and len(command) > 1:
        name, command = command[1], command[2:]
    if command[:1] == ["--"]:
        command = command[1:]
    if not command or command[0].startswith("-"):
        return
    report = noop.recorded(_words(name))
    if report and isinstance(prefix := report.get("prefix"), str):
        _touch(prefix)
        become(command, prefix, name, environ, hidden=str(report.get("hidden", "")))


def _touch(prefix: str) -> None:
    """Note that an environment of the store is used, so that it is not pruned."""
    with suppress(OSError):
        touch(f"{prefix}{RECORD}", os.stat(f"{prefix}{RECORD}"))


def record(name: str, prefix: str, inputs: Iterable[str], *, began: int, hidden: str = "") -> None:
    """Note that environment ``name`` lies at ``prefix``, made of what stands in ``inputs``."""
    outputs = (prefix, f"{prefix}/bin", f"{prefix}/pyvenv.cfg")
    report: dict[str, object] = {"prefix": prefix, "hidden": hidden}
    noop.record(_words(name), report, inputs=inputs, outputs=outputs, began=began)


def _words(name: str) -> list[str]:
    return ["exec", name, sys.executable]


def become(
    command: Sequence[str],
    prefix: str,
    name: str,
    environ: Mapping[str, str],
    *,
    hidden: str = "",
) -> NoReturn:
    """Replace this process by ``command``, the programs of the environment first on its path.

    A program of the system is said to be one. ``hidden`` names the setting that keeps programs of
    the environment's projects from being known: then none of the system takes their place.
    """
    if "/" not in command[0] and not os.path.exists(f"{prefix}/bin/{command[0]}"):
        _leave(command[0], name, environ, hidden)
    variables = dict(environ)
    variables["VIRTUAL_ENV"] = prefix
    variables["PATH"] = f"{prefix}/bin{os.pathsep}{environ.get('PATH', os.defpath)}"
    variables.pop("PYTHONHOME", None)
    sys.stdout.flush()
    try:
        os.execvpe(command[0], list(command), variables)  # noqa: S606 - a list, as everywhere
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        why = "there is no such program" if absent else str(error.strerror)
        raise UsageError(
            f"`{command[0]}` cannot be run in environment `{name}`: {why}",
            hint=f"its programs are in {prefix}/bin",
        ) from error


def _leave(program: str, name: str, environ: Mapping[str, str], hidden: str) -> None:
    """Say which program of the system is run; UsageError where a project might have it."""
    # Not `shutil.which`: importing it takes longer than all else that a recorded call does.
    places = (
        f"{directory or '.'}/{program}"
        for directory in environ.get("PATH", os.defpath).split(os.pathsep)
    )
    found = next((p for p in places if os.path.isfile(p) and os.access(p, os.X_OK)), None)
    if hidden:
        raise UsageError(
            f"environment `{name}` has no program `{program}` that is known: {hidden} is computed, "
            "and may name it",
            hint="declare programs in `[project.scripts]` or as literals"
            + (f"; `{found}` runs that of the system" if found else ""),
        )
    if found:
        print(f"`{program}` is not in environment `{name}`: this is {found}", file=sys.stderr)
