"""``pipeline ci simulate``: the walk of each workflow, for people and as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.cli.outcome import conclude
from pipeline.console import printable_text
from pipeline.errors import ConfigError
from pipeline.workflows import files
from pipeline.workflows.filters import Event
from pipeline.workflows.matrix import matrix
from pipeline.workflows.read import load
from pipeline.workflows.walk import walk

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from pipeline.cli.session import Session
    from pipeline.workflows.walked import Walk, WalkedCell, WalkedJob

WIDTH = 80
LABEL = 13


def simulate(arguments: argparse.Namespace, session: Session) -> int:
    """Walk every workflow for the event; exit 2 when one would fail for what it says."""
    event = Event.parse(arguments.event, arguments.branch)
    directory = session.root / files.DIRECTORY
    names = sorted(p.name for p in directory.glob("*") if p.suffix in {".yml", ".yaml"})
    if not names:
        raise ConfigError(
            f"there is no workflow in `{files.DIRECTORY}`", hint="`pipeline ci init` writes two"
        )
    planned = _Planned(session)
    walks = [
        walk(load(session.root, f"{files.DIRECTORY}/{name}"), event, planned.outputs)
        for name in names
    ]
    problems = [problem for one in walks for problem in one.problems]
    failure = None
    if problems:
        failure = ConfigError(
            problems[0].message,
            where=problems[0].where,
            hint="on GitHub this shows only once the workflow runs",
            detail=tuple(f"{p.where}: {p.message}" for p in problems[1:]),
        )
    if not arguments.json:
        print("\n".join(_told(event, walks)))
    document = {"event": event.words, "workflows": [asdict(one) for one in walks]}
    return conclude(document, failure, session.console, as_json=arguments.json)


class _Planned:
    """Says what scripts of our own write to ``GITHUB_OUTPUT``, by planning as they do."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def outputs(self, script: str) -> dict[str, object]:
        """Return the matrix for a script that pipes `plan --json` into `ci matrix`."""
        for text in script.splitlines():
            before, _, after = text.partition("|")
            plan, made = _words(before), _words(after.partition(">>")[0])
            if plan[1:2] == ["plan"] and made[1:3] == ["ci", "matrix"]:
                return {"matrix": json.dumps(self._matrix(plan[2:], made[3:]))}
        return {}

    def _matrix(self, plan: list[str], made: list[str]) -> dict[str, object]:
        from pipeline.cli.main import load  # noqa: PLC0415 - it imports the verbs

        planning, parser = load("plan")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            planning.run(parser.parse_all(plan), self.session)
        labels = load("ci")[1].parse_all(["matrix", *made]).runner
        return matrix(json.loads(printed.getvalue()), dict(labels))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _told(event: Event, walks: Iterable[Walk]) -> Iterator[str]:
    yield f"event: {event.words}"
    for one in walks:
        yield ""
        if one.idle:
            yield from _line("", f"{one.file} is not started: {one.idle}", indent=0)
            continue
        yield from _line("", f"{one.file} is started ({one.name})", indent=0)
        for number, job in enumerate(one.jobs, start=1):
            yield from _job(number, job)
    yield ""


def _job(number: int, job: WalkedJob) -> Iterator[str]:
    yield f"{number}. {job.id}"
    if job.skipped:
        yield from _line("skipped", job.skipped)
        return
    if job.needs:
        yield from _line("needs", ", ".join(job.needs))
    yield from _line("permissions", _permissions(job))
    if job.environment:
        yield from _line("environment", job.environment)
    if job.calls:
        yield from _line("calls", f"{job.calls} (not walked)")
    for cell in job.cells:
        yield from _line("machine", f"{cell.runs_on} ({cell.name})")
        for axis, found in cell.matrix.items():
            yield from _line(f"  {axis}", str(found))
        yield from _line("  consumes", ", ".join(cell.consumes)) if cell.consumes else ()
        yield from _line("  produces", ", ".join(cell.produces)) if cell.produces else ()
    yield from _steps(job.cells[:1])


def _permissions(job: WalkedJob) -> str:
    if job.permissions is None:
        return "what the repository gives by default"
    return ", ".join(f"{k}: {v}" if v else k for k, v in job.permissions.items()) or "none"


def _steps(cells: Iterable[WalkedCell]) -> Iterator[str]:
    """Yield the steps: they are the same for every combination, but for their variables."""
    for step in (step for cell in cells for step in cell.steps):
        if step.skipped:
            yield from _line("", step.skipped)
        if step.uses:
            action, _, version = step.uses.partition("@")
            yield from _line("uses", f"{action}@{version[:12]}")
        for text in step.run.splitlines():
            yield from _line("runs", text)


def _line(label: str, text: str, indent: int = 3) -> list[str]:
    head = f"{'':{indent}}{label:{LABEL}}" if label else ""
    return textwrap.wrap(
        printable_text(text),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head) or "   ",
        break_on_hyphens=False,
    )
