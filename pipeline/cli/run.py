"""``pipeline run``: run stages and all they need."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipeline.cli import noop
from pipeline.cli.outcome import error_document, show
from pipeline.cli.parser import add_network, positive
from pipeline.cli.preamble import announce
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.cli.watching import watched_paths
from pipeline.execute.artifacts import copy_to
from pipeline.execute.engines import choose
from pipeline.execute.run import execute
from pipeline.release.version import tag_name

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.execute.report import RunReport
    from pipeline.execute.run import Options

DIST = "dist"
EXAMPLES = (
    ("pipeline run wheel", "build it and what it needs into dist/"),
    ("pipeline run release --draft", "all of a release but its last byte"),
    ("pipeline run 'test*' 'wheel[cp311]'", "globs and cells"),
    ("pipeline run test --shell", "stand in the step that fails"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser)
    parser.add_argument(
        "--draft", action="store_true", help="do everything but change repository, dist or index"
    )
    parser.add_argument(
        "--dist", type=Path, metavar="DIR", help="where wheels and sdists go (default: dist)"
    )
    parser.add_argument("--engine", choices=("auto", "sandbox"), help="what runs the steps")
    parser.add_argument(
        "-j", "--jobs", type=positive, metavar="N", help="cells at a time (default: processors)"
    )
    parser.add_argument("-k", "--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("-q", "--quiet", action="store_true", help="show no output of steps")
    parser.add_argument("--rebuild", action="store_true", help="build even what is in the cache")
    parser.add_argument("--keep", action="store_true", help="keep the files of a failed step")
    parser.add_argument("--shell", action="store_true", help="open a shell where a step failed")
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Plan, execute, place the outputs, print what came of it."""
    began = time.time_ns()
    name = arguments.engine or session.environ.get("PIPELINE_ENGINE") or session.pipeline.engine
    engine = choose(name, session.store, keep=arguments.keep, shell=arguments.shell)
    plan = plan_of(session, selections(arguments))
    announce(plan, session, engine.name)
    report = execute(
        plan, session.means(engine, quiet=arguments.quiet), _options(arguments, session)
    )
    session.checkout.remember()
    paths: dict[str, str] = {}
    if not arguments.draft and not report.failures:
        paths = copy_to(arguments.dist or session.root / DIST, report.artifacts)
    document = _document(report, paths, arguments, session, engine.name)
    show(document, session.console, as_json=arguments.json)
    for failure in report.failures:
        session.console.error(failure)
    if report.failures:
        return report.failures[0].exit_code
    once = arguments.rebuild or arguments.keep or arguments.shell
    if paths and not once and all(cell.recipe for cell in plan.cells):
        _remember(document, paths, began, session)
    return 0


def _options(arguments: argparse.Namespace, session: Session) -> Options:
    usual = session.options()
    return replace(
        usual,
        draft=arguments.draft,
        jobs=1 if arguments.shell else arguments.jobs or usual.jobs,
        keep_going=arguments.keep_going,
        rebuild=arguments.rebuild,
    )


def _document(
    report: RunReport,
    paths: dict[str, str],
    arguments: argparse.Namespace,
    session: Session,
    engine: str,
) -> dict[str, object]:
    return {
        "version": session.version,
        "tag": tag_name(session.pipeline.project.tag, session.version) if session.version else "",
        "draft": arguments.draft,
        "engine": engine,
        "seconds": round(report.seconds, 3),
        "cells": [cell.document(paths) for cell in report.cells],
        **({"error": error_document(report.failures[0])} if report.failures else {}),
    }


def _remember(
    document: dict[str, object], paths: dict[str, str], began: int, session: Session
) -> None:
    """Record a run that would come out the same, so that the next one is answered at once."""
    watched = watched_paths(session)
    if watched is None:
        return
    cells = [
        cell | {"status": "cached", "cached": True, "seconds": 0.0}
        for cell in cast("list[dict[str, object]]", document["cells"])
    ]
    noop.record(
        sys.argv[1:],
        document | {"cells": cells, "seconds": 0.0},
        inputs=watched,
        outputs=paths.values(),
        began=began,
    )
