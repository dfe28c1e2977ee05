"""``pipeline doctor``: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.cli.checks import Check
from pipeline.cli.engine_checks import engine_checks
from pipeline.cli.leftover_checks import leftover_checks
from pipeline.cli.session import cache_directory
from pipeline.console import human_size, stdout_width, wrapped
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.cli.session import Session

NARROW = 24
"""With fewer columns than these for what was found it stands on lines of its own."""

EXAMPLES = (
    ("pipeline doctor", "exit 6 where the engine to be taken does not work"),
    ("pipeline doctor --clean", "remove containers that killed runs left"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--clean", action="store_true", help="remove containers whose owners were killed"
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Look at everything; 6 when no engine works, else 0."""
    looks = PROJECT if _project(session).state == "works" else (_project,)
    checks = [look(session) for look in MACHINE]
    checks += [*_engines(session), *leftover_checks(session, clean=arguments.clean)]
    checks += [look(session) for look in looks]
    if arguments.json:
        print(json.dumps({"checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print("\n".join(_lines(checks, stdout_width())))
    fails = {check.what for check in checks if check.state == "fails"}
    return 6 if "engine" in fails else 0


def _lines(checks: list[Check], width: int) -> list[str]:
    """Return a table of what was found, then the hints, in lines of ``width`` columns (0: any)."""
    first = max(len(check.what) for check in checks)
    second = max(len(check.state) for check in checks)
    indent = first + second + 4
    lines = [f"{'what':{first}}  {'state':{second}}  found"]
    for check in checks:
        head = f"{check.what:{first}}  {check.state:{second}}"
        if width and width - indent < NARROW:
            lines += [head.rstrip(), *wrapped(f"  {check.found}", width, indent=2)]
        else:
            lines += wrapped(f"{head}  {check.found}", width, indent=indent)
    hints = [
        line
        for check in checks
        if check.hint
        for line in wrapped(f"{check.what}: {check.hint}", width, indent=2)
    ]
    return [*lines, "", *hints] if hints else lines


def _python(session: Session) -> Check:
    del session
    found = f"{sys.version.split()[0]} on {os.uname().machine}"
    return Check(what="python", state="works", found=found)


def _git(session: Session) -> Check:
    path = shutil.which("git", path=session.environ.get("PATH"))
    if not path:
        return Check(
            what="git",
            state="limited",
            found="not found",
            hint="install git: without it every file that is not ignored is an input",
        )
    version = git.version(session.environ)
    if git.is_too_old(version):
        wanted = ".".join(map(str, git.OLDEST))
        return Check(
            what="git",
            state="limited",
            found=f"{path}, {version}",
            hint=f"install git {wanted} or newer: releases and `pipeline verify` need it",
        )
    if not version:
        return Check(
            what="git",
            state="limited",
            found=f"{path} does not start",
            hint="`git version` says why",
        )
    return Check(what="git", state="works", found=f"{path}, {version}")


def _cache(session: Session) -> Check:
    root = cache_directory(session.environ)
    try:
        store = session.store
    except PipelineError as error:
        return Check(what="cache", state="fails", found=error.message, hint=error.hint)
    free = shutil.disk_usage(store.root).free
    return Check(
        what="cache", state="works", found=f"{_short(root, session)}, {human_size(free)} free"
    )


def _short(path: Path, session: Session) -> str:
    """Return a path as a shell would take it, from the home directory on where it lies there."""
    home = session.environ.get("HOME", "")
    return f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)


def _engines(session: Session) -> list[Check]:
    if _cache(session).state == "fails":
        return [Check(what="engine", state="fails", found="every one needs the cache")]
    return engine_checks(session)


def _gpgv(session: Session) -> Check:
    path = shutil.which("gpgv", path=session.environ.get("PATH"))
    if path:
        return Check(what="gpgv", state="works", found=path)
    return Check(
        what="gpgv",
        state="limited",
        found="not found",
        hint="install gpgv: `pipeline lock` checks Debian's signatures with it",
    )


def _project(session: Session) -> Check:
    try:
        count = len(session.pipeline.stages)
    except PipelineError as error:
        state = "fails" if _in_project(session) else "none here"
        found = str(error) if state == "fails" else "no `pipeline.yaml` here or above"
        return Check(what="project", state=state, found=found, hint=error.hint)
    found = f"{_short(session.root, session)}, {count} stage{'s' * (count != 1)}"
    return Check(what="project", state="works", found=found)


def _in_project(session: Session) -> bool:
    """Whether there is a `pipeline.yaml`, be it a wrong one."""
    try:
        return session.root.is_dir()
    except PipelineError:
        return False


def _mirror(session: Session) -> Check:
    try:
        mirrors = session.settings.mirrors() if session.settings.suites else ()
    except PipelineError as error:
        return Check(what="mirror", state="limited", found=error.message, hint=error.hint)
    found = ", ".join(dict.fromkeys(mirrors)) or "none needed"
    return Check(what="mirror", state="works", found=found)


def _lock(session: Session) -> Check:
    try:
        lock = session.lock
    except PipelineError as error:
        return Check(what="lock", state="fails", found=str(error), hint=error.hint)
    counts = ((len(lock.images), "image"), (len(lock.environments), "environment"))
    found = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts)
    return Check(what="lock", state="works", found=f"fresh: {found}")


MACHINE: tuple[Callable[[Session], Check], ...] = (_python, _git, _gpgv, _cache)
PROJECT: tuple[Callable[[Session], Check], ...] = (_project, _mirror, _lock)
"""What is looked at, in order; between the two the engines, the second only inside a project."""
