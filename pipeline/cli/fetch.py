"""``pipeline fetch``: bring everything the lock names into the cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.parser import add_mirror
from pipeline.console import human_size
from pipeline.execute.fetching import fetch_shown
from pipeline.locking.fetch import everything
from pipeline.locking.select import host_files
from pipeline.platforms import Workplace

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.locking.fetch import FetchReport

EXAMPLES = (("pipeline fetch", "before a flight: all later runs work with --offline"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--offline", action="store_true", help="only say what is missing")
    add_mirror(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Fetch; afterwards every run of this lock works with ``--offline``."""
    wanted = [*everything(session.lock)]
    here = Workplace.here()
    for name, environment in session.pipeline.environments.items():
        if here is None or here in environment.platforms:
            wanted += host_files(session.lock.environments[name])
    report = fetch_shown(wanted, session.store, session.settings, session.console)
    if arguments.json:
        document = {"fetched": report.fetched, "present": report.present, "bytes": report.size}
        print(json.dumps(document, indent=2))
    else:
        print(_words(report))
    return 0


def _words(report: FetchReport) -> str:
    if not report.fetched:
        return f"all {report.present} files that the lock names are in the cache"
    fetched = f"{report.fetched} files fetched ({human_size(report.size)})"
    return f"{fetched}, {report.present} were in the cache"
