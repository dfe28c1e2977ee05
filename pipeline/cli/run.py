"""``pipeline run``: run stages and all they need."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipeline.checkout import worktree
from pipeline.checkout.git import untracked_files
from pipeline.cli import noop
from pipeline.cli.outcome import show
from pipeline.cli.parser import add_engine, add_network, positive
from pipeline.cli.preamble import announce
from pipeline.cli.releasing import (
    blocked_document,
    promised,
    refused_draft,
    release_plan,
    write_plan,
)
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.cli.watching import watched_paths
from pipeline.config.stages import PublishStage, ReleaseStage
from pipeline.errors import PipelineError, UsageError
from pipeline.execute.artifacts import DIST, copy_to
from pipeline.execute.report import RunReport
from pipeline.execute.run import execute
from pipeline.plan.matrix import all_cells
from pipeline.plan.selection import select
from pipeline.release.version import tag_name

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.execute.means import Options
    from pipeline.plan.selection import Selection
    from pipeline.plan.types import Plan
    from pipeline.stages.releasing import Releasing

FEW = 5
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
        "--draft",
        action="store_true",
        help="do everything but change repository, dist or index, and exit as the real run would",
    )
    parser.add_argument(
        "--dist", type=Path, metavar="DIR", help="where wheels and sdists go (default: dist)"
    )
    parser.add_argument(
        "--plan", type=Path, metavar="FILE", help="publish only what this release.plan.json says"
    )
    parser.add_argument(
        "--untagged", action="store_true", help="publish what no tag of the version lists"
    )
    parser.add_argument(
        "--anywhere",
        action="store_true",
        help="with --draft: let branch, uncommitted changes and the like of this checkout count "
        "for nothing, as in a pull request",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write what is to be published, as a plan"
    )
    parser.add_argument(
        "--provenance",
        action="store_true",
        help="write beside the files what each was made of, as a run that publishes always does",
    )
    parser.add_argument(
        "--push", action="store_true", help="push the commit and tag of a release, both or neither"
    )
    add_engine(parser)
    parser.add_argument(
        "-j", "--jobs", type=positive, metavar="N", help="cells at a time (default: processors)"
    )
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="go on after a failure with what does not need it, and place what was made",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no output of steps")
    parser.add_argument("--rebuild", action="store_true", help="build even what is in the cache")
    parser.add_argument("--keep", action="store_true", help="keep the files of a failed step")
    parser.add_argument("--shell", action="store_true", help="open a shell where a step failed")
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Plan, execute, place the outputs, print what came of it."""
    began = time.time_ns()
    chosen = selections(arguments)
    releasing = _releasing(arguments, session, chosen)
    if isinstance(releasing, RunReport):
        document = _document(releasing, {}, session, session.version, "")
        show(document, session.console, as_json=arguments.json)
        return 0
    engine = session.engine(keep=arguments.keep, shell=arguments.shell, fresh=arguments.rebuild)
    plan = plan_of(session, chosen)
    version = session.version  # a wrong one is told before the work, not after it
    promise = promised(arguments, plan, session)
    announce(plan, session, engine.name)
    if arguments.shell:
        session.console.live = False  # the terminal is the shell's
    report = execute(
        plan,
        session.means(engine, quiet=arguments.quiet),
        replace(_options(arguments, session), expected=promise.files, release=releasing),
    )
    session.checkout.remember()
    report, paths = _place(arguments, report, session)
    drafted = None if report.failures else release_plan(plan, report, session)
    report = refused_draft(report, promise) if arguments.draft else report
    document = _document(report, paths, session, version, engine.name)
    _write_provenance(document, plan, report if paths else None, session)
    if drafted:
        document["plan"] = drafted.document
        if arguments.output:
            write_plan(drafted, arguments.output)
    show(document, session.console, as_json=arguments.json)
    # A draft names them as what stands in the way of the release.
    telling = {"failed"} if arguments.draft else {"failed", "built"}
    if any(cell.status in telling and cell.key for cell in report.cells):
        _tell_untracked(session)
    for failure in report.failures:
        session.console.error(failure)
    if report.failures:
        return report.failures[0].exit_code
    # An address on the command line may hold a password: it is not to be found in the cache.
    once = arguments.rebuild or arguments.keep or arguments.shell or arguments.debian_mirror
    once = once or arguments.provenance  # it names the commit, which may change without a file
    once = once or session.checkout.left_out  # what a run lacks is told each time
    if paths and not once and all(cell.recipe for cell in plan.cells):
        _remember(document, paths, began, session)
    return 0


def _place(
    arguments: argparse.Namespace, report: RunReport, session: Session
) -> tuple[RunReport, dict[str, str]]:
    """Copy what was made to where people look for it; return the report, and where files lie.

    After a failure that is done with ``--keep-going`` only, and must not hide the failure.
    """
    if arguments.draft or (report.failures and not arguments.keep_going):
        return report, {}
    try:
        return report, copy_to(arguments.dist or session.root / DIST, report.artifacts)
    except PipelineError as error:
        if not report.failures:
            raise
        return replace(report, failures=(*report.failures, error)), {}


def _releasing(
    arguments: argparse.Namespace, session: Session, chosen: tuple[Selection, ...]
) -> Releasing | RunReport | None:
    """Return the release that the run leads to; a report where an earlier run had begun it.

    What is released or published is made of the commit: the session then works on a copy of it.
    """
    if arguments.anywhere and not arguments.draft:
        raise UsageError(
            "`--anywhere` is about drafts: a release is cut where it is asked for",
            hint="add `--draft`, or leave the flag out",
        )
    stages = session.pipeline.stages
    public = (ReleaseStage, PublishStage)
    if not arguments.push and not any(isinstance(stage, public) for stage in stages.values()):
        return None
    asked = {cell.stage: None for cell in select(all_cells(session.pipeline), chosen)}
    found = {type(stages[name]): name for name in asked if isinstance(stages[name], public)}
    if not found and not arguments.push:
        return None
    from pipeline.cli import cutting  # noqa: PLC0415 - most runs lead to no release

    wanted = found.get(ReleaseStage, "")
    cutting.check_flags(arguments, wanted)
    if wanted:
        return cutting.resumed(arguments, session, wanted) or cutting.prepared(arguments, session)
    cutting.take_commit(session, notes=False)
    return None


def _tell_untracked(session: Session) -> None:
    """Name the files that a step may have missed: what git does not know is no input."""
    if worktree.git_index_path(session.root) is None:
        return
    names = [name for name in untracked_files(session.root) if not name.startswith(f"{DIST}/")]
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    if names:
        listed = ", ".join(f"`{name}`" for name in names[:FEW])
        session.console.info(f"not among the inputs, as git does not know them: {listed}{more}")


def _write_provenance(
    document: dict[str, object], plan: Plan, placed: RunReport | None, session: Session
) -> None:
    """Write evidence of what was placed, where it is wanted, and list it with the cells."""
    publishes = any(isinstance(cell.stage, PublishStage) for cell in plan.cells)
    if placed is None or not (publishes or session.arguments.provenance):
        return
    from pipeline.execute import evidence  # noqa: PLC0415 - most runs write none

    origin = evidence.origin_of(session.root, session.files)
    if not origin.commit:
        session.console.warning(
            "the provenance names no commit, as there are changes in none: nobody else can build "
            "these files again"
        )
    made = evidence.gather(plan, placed.cells, session.lock, origin)
    written = evidence.write(session.arguments.dist or session.root / DIST, made)
    for cell in cast("list[dict[str, object]]", document["cells"]):
        cell["provenance"] = written.get(str(cell["cell"]), [])


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
    session: Session,
    version: str,
    engine: str,
) -> dict[str, object]:
    return {
        "version": version,
        "tag": tag_name(session.pipeline.project.tag, version) if version else "",
        "draft": session.arguments.draft,
        "engine": engine,
        "seconds": round(report.seconds, 3),
        "cells": [cell.document(paths) for cell in report.cells],
        **({"blocked": blocked_document(report)} if session.arguments.draft else {}),
        **({"error": report.failures[0].document()} if report.failures else {}),
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
        list(session.words),
        document | {"cells": cells, "seconds": 0.0},
        inputs=watched,
        outputs=paths.values(),
        began=began,
    )
