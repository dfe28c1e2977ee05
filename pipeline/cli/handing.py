"""What jobs of a workflow hand each other: a matrix, manifests, files, and these to an index.

The job that publishes builds nothing: its stages of the host get what other jobs made, by the names
of the cells, once every byte is what those jobs said.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pipeline.cli.outcome import show
from pipeline.cli.releasing import blocked_document, promised, refused_draft
from pipeline.cli.selecting import plan_of
from pipeline.config.stages import PublishStage
from pipeline.engines.protocol import Availability
from pipeline.errors import EngineUnavailableError, UsageError, VerificationError
from pipeline.execute.hosting import Hosting, run_on_host
from pipeline.execute.report import Artifact, CellReport, RunReport
from pipeline.plan.selection import Selection
from pipeline.workflows.collect import collect
from pipeline.workflows.matrix import line, manifest, matrix, read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pipeline.cli.session import Session
    from pipeline.engines.protocol import BuildRequest
    from pipeline.execute.means import Means, Options
    from pipeline.plan.types import Plan, PlannedCell
    from pipeline.workflows.collect import Collected

ARTIFACTS = "artifacts"


def make_matrix(arguments: argparse.Namespace, session: Session) -> int:
    """Print the matrix of the plan on standard input."""
    del session
    plan = read(sys.stdin.read(), "a plan", "pipeline plan --json")
    made = matrix(plan, dict(arguments.runner))
    print(json.dumps(made, indent=2) if arguments.json else line("matrix", made))
    return 0


def make_manifest(arguments: argparse.Namespace, session: Session) -> int:
    """Print what the run on standard input made."""
    del session
    name = arguments.operand or ""
    if not name.isidentifier():
        raise UsageError(
            "`pipeline ci manifest` needs the target that was built for",
            hint="write `pipeline ci manifest linux_x86_64`",
        )
    made = manifest(read(sys.stdin.read(), "the report of a run", "pipeline run STAGE --json"))
    print(json.dumps({"cells": made}, indent=2) if arguments.json else line(name, made))
    return 0


def collect_files(arguments: argparse.Namespace, session: Session) -> int:
    """Put the files of all jobs into one directory."""
    collected = _collected(arguments)
    for name, path in collected.paths.items():
        target = arguments.dist / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if arguments.json:
        print(json.dumps({"files": [made._asdict() for made in collected.files]}, indent=2))
    session.console.info(f"{len(collected.files)} files, each as the job said that built it")
    return 0


def publish(arguments: argparse.Namespace, session: Session) -> int:
    """Run the publishing stages on what other jobs made, or rehearse them."""
    collected = _collected(arguments)
    stages = session.pipeline.stages.values()
    chosen = [Selection(stage=s.name) for s in stages if isinstance(s, PublishStage)]
    if not chosen:
        raise UsageError("no stage of this project publishes", hint="declare one of kind `publish`")
    plan = plan_of(session, tuple(chosen))
    promise = promised(arguments, plan, session, builds=False)
    options = replace(session.options(), draft=arguments.draft, expected=promise.files)
    done = _run(plan, collected, session.means(_NoEngine()), options)
    cells = tuple(done.values())
    report = RunReport(cells=cells, seconds=sum(cell.seconds for cell in cells))
    report = refused_draft(report, promise) if arguments.draft else report
    document = {
        "version": session.version,
        "draft": arguments.draft,
        "seconds": report.seconds,
        "cells": [cell.document({}) for cell in cells],
        **({"blocked": blocked_document(report)} if arguments.draft else {}),
        **({"error": report.failures[0].document()} if report.failures else {}),
    }
    show(document, session.console, as_json=arguments.json)
    for failure in report.failures:
        session.console.error(failure)
    return report.failures[0].exit_code if report.failures else 0


def _run(plan: Plan, collected: Collected, means: Means, options: Options) -> dict[str, CellReport]:
    """Run the stages of the host; the cells that they need are those that were handed over."""
    hosting = Hosting.of(plan, options)
    done: dict[str, CellReport] = {}
    for cell in plan.cells:
        if cell.recipe is None:
            _require(cell, done)
            done[cell.name] = run_on_host(cell, done, means, hosting)
        elif cell.name in collected.cells:
            done[cell.name] = _handed(cell, collected)
    return done


def _collected(arguments: argparse.Namespace) -> Collected:
    needs = read(sys.stdin.read(), "GitHub's context `needs`", "toJSON(needs)")
    return collect(needs, Path(arguments.operand or ARTIFACTS))


def _require(cell: PlannedCell, done: dict[str, CellReport]) -> None:
    absent = [need for need in cell.needs if need not in done]
    if absent:
        raise VerificationError(
            f"`{cell.name}` needs `{absent[0]}`, and no job built it",
            hint="the jobs must build what this commit plans: see `pipeline ci check`",
        )


def _handed(cell: PlannedCell, collected: Collected) -> CellReport:
    outputs = tuple(
        Artifact(name=m.name, path=collected.paths[m.name], sha256=m.sha256, size=m.size)
        for m in collected.cells[cell.name]
    )
    return CellReport(
        stage=cell.stage.name, cell=cell.name, key=cell.key, status="done", outputs=outputs
    )


class _NoEngine:
    """The engine of a job that must not build."""

    name = "none"

    def probe(self) -> Availability:
        return Availability(works=False, identity=self.name)

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> NoReturn:
        del output
        raise EngineUnavailableError(f"`{request.label}` cannot be built by a job that publishes")

    def cancel(self) -> None:
        pass
