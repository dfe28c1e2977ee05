"""``pipeline render``: the Dockerfiles, and all that a plain ``docker buildx build`` needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.parser import add_engine, add_network
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.errors import StageFailedError, UsageError
from pipeline.execute.export import export_cell
from pipeline.execute.run import execute, prepare
from pipeline.plan.types import Plan

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.plan.types import PlannedCell

EXAMPLES = (
    ("pipeline render wheel", "print its Dockerfile"),
    ("pipeline render wheel --output DIR", "with contexts, for docker buildx"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser, required=False)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="write Dockerfiles, contexts and commands here (default: print the Dockerfiles)",
    )
    add_engine(parser)
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print the Dockerfiles, or write everything a build without this tool needs."""
    plan = plan_of(session, selections(arguments))
    session.checkout.remember()
    wanted = [cell for cell in plan.cells if cell.recipe and _selected(cell, arguments)]
    if not wanted:
        raise UsageError(
            "the stages asked for run on the host, so there is no Dockerfile of them",
            hint="`pipeline list` shows which stages run in an image",
        )
    if arguments.output is None:
        texts = {cell.name: cell.recipe.dockerfile for cell in wanted if cell.recipe}
        print(
            json.dumps(texts, indent=2) + "\n" if arguments.json else "\n".join(texts.values()),
            end="",
        )
        return 0
    commands = _write(arguments.output.absolute(), plan, wanted, session)
    if arguments.json:
        print(json.dumps(commands, indent=2))
    else:
        print("\n".join(f"# {name}\n{command}" for name, command in commands.items()))
    return 0


def _selected(cell: PlannedCell, arguments: argparse.Namespace) -> bool:
    chosen = selections(arguments)
    return not chosen or any(selection.matches(cell.cell) for selection in chosen)


def _write(
    directory: Path, plan: Plan, wanted: list[PlannedCell], session: Session
) -> dict[str, str]:
    """Write each wanted cell; what the cells need is built first, since it is their context."""
    means = session.means(session.engine())
    needed = {need for cell in wanted for need in cell.needs}
    before = Plan(cells=tuple(c for c in plan.cells if _reaches(c.name, needed, plan)))
    report = execute(before, means, session.options())
    if report.failures:
        raise StageFailedError(
            "what the rendered cells need could not be built", detail=(str(report.failures[0]),)
        )
    prepare([cell.recipe for cell in wanted if cell.recipe], means)
    return {cell.name: export_cell(cell, directory, means) for cell in wanted}


def _reaches(name: str, wanted: set[str], plan: Plan) -> bool:
    """Whether a cell is wanted or needed, directly or not, by one that is."""
    cells = plan.by_name()
    pending, seen = list(wanted), set(wanted)
    while pending:
        for need in cells[pending.pop()].needs:
            if need not in seen:
                seen.add(need)
                pending.append(need)
    return name in seen
