"""``pipeline plan``: what a run would do, before it does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.preamble import LONGEST, counted, state_of, told_strategy
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.console import table

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.plan.types import Plan, PlannedCell

Document = dict[str, object]

EXAMPLES = (
    ("pipeline plan", "what there is to do, what is cached"),
    ("pipeline plan --target linux_arm64", "the cells of one platform"),
    ("pipeline plan wheel --json", "with the components of each key"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser, required=False)
    parser.add_argument(
        "--cells",
        action="store_true",
        help=f"a line for each cell, also where there are more than {LONGEST}",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print the cells in order, each with its key and whether its result is there."""
    plan = plan_of(session, selections(arguments))
    session.checkout.remember()
    cells = [_document(cell, session) for cell in plan.cells]
    if arguments.json:
        print(json.dumps({"cells": cells}, indent=2))
        return 0
    if arguments.cells or len(cells) <= LONGEST:
        headers: tuple[str, ...] = ("cell", "kind", "image", "state", "key", "strategy")
        rows = _by_cell(plan, cells)
        if not any(row[-1] for row in rows):
            headers, rows = headers[:-1], [row[:-1] for row in rows]
    else:
        headers, rows = ("stage", "kind", "cells", "image", "state"), _by_stage(plan, cells)
        session.console.info("`--cells` shows a line for each cell")
    print("\n".join(table(headers, rows)))
    return 0


def _by_cell(plan: Plan, cells: list[Document]) -> list[tuple[str, ...]]:
    fields = ("cell", "kind", "image", "state")
    return [
        (*(str(document[field]) for field in fields), planned.key[:12], told_strategy(planned))
        for document, planned in zip(cells, plan.cells, strict=True)
    ]


def _by_stage(plan: Plan, cells: list[Document]) -> list[tuple[str, ...]]:
    """Return a row for each stage: how many cells it has, and how many are in which state."""
    states: dict[str, list[str]] = {}
    for cell in cells:
        states.setdefault(str(cell["stage"]), []).append(str(cell["state"]))
    stages = {cell.stage.name: cell for cell in plan.cells}
    return [
        (name, one.kind, str(len(states[name])), getattr(one.stage, "image", ""), counted(of))
        for (name, one), of in zip(stages.items(), states.values(), strict=True)
    ]


def _document(planned: PlannedCell, session: Session) -> Document:
    recipe = planned.recipe
    return {
        "stage": planned.stage.name,
        "cell": planned.name,
        "kind": planned.kind,
        "axes": dict(planned.cell.axes),
        "needs": list(planned.needs),
        "tags": list(planned.stage.tags),
        "internal": planned.internal,
        "target": planned.target.value if planned.target else "",
        "platform": recipe.platform if recipe else "",
        "strategy": planned.strategy.name if planned.strategy else "",
        "reason": planned.strategy.reason if planned.strategy else "",
        "image": planned.cell.fill(getattr(planned.stage, "image", "")),
        "network": recipe.network if recipe else "",
        "state": state_of(planned, session),
        "key": planned.key,
        "components": dict(recipe.components) if recipe else {},
    }
