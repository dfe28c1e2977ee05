"""``pipeline exec``: a command in a locked environment, with the checkout importable."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from pipeline.cli.entering import become, record
from pipeline.cli.watching import declarations
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
    began = time.time_ns()
    name = arguments.environment
    session.use_lock(environments=[name])
    maker = session.environments
    prefix = str(maker.ensure(name))
    hidden = maker.computed[name]
    record(name, prefix, [*declarations(session), *maker.looked], began=began, hidden=hidden)
    become(command, prefix, name, session.environ, hidden=hidden)
