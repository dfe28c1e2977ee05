"""``pipeline exec``: a command in a locked environment, with the checkout importable."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from pipeline.environments.make import ensure
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.cli.session import Session

EXAMPLES = (
    ("pipeline exec pytest -x", "the tests, in the environment `dev`"),
    ("pipeline exec -e docs mkdocs build", "another one of pipeline.yaml"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; everything after them is the command."""
    parser.add_argument(
        "-e", "--environment", default="dev", metavar="NAME", help="which one (default: dev)"
    )
    parser.add_argument("--offline", action="store_true", help="never use the network")
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND ...",
        help="the program and its arguments",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Make the environment where it is not there, then become the command."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError("`exec` needs a command", hint="for instance `pipeline exec pytest`")
    prefix = ensure(
        arguments.environment,
        pipeline=session.pipeline,
        lock=session.lock,
        store=session.store,
        settings=session.settings,
        console=session.console,
    )
    environ = dict(session.environ)
    environ["VIRTUAL_ENV"] = str(prefix)
    environ["PATH"] = f"{prefix / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
    environ.pop("PYTHONHOME", None)
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - an argument list, as everywhere
    except OSError as error:
        why = (
            "there is no such program"
            if isinstance(error, FileNotFoundError)
            else str(error.strerror)
        )
        raise UsageError(
            f"`{command[0]}` cannot be run in environment `{arguments.environment}`: {why}",
            hint=f"its programs are in {prefix / 'bin'}",
        ) from error
