"""``pipeline plan``: what a run would do, before it does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.preamble import state_of
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.console import table

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.plan.types import PlannedCell

EXAMPLES = (
    ("pipeline plan", "every cell, and whether its result is in the cache"),
    ("pipeline plan wheel --json", "with the components of each key"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser, required=False)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print the cells in order, each with its key and whether its result is there."""
    plan = plan_of(session, selections(arguments))
    session.checkout.remember()
    cells = [_document(cell, session) for cell in plan.cells]
    if arguments.json:
        print(json.dumps({"cells": cells}, indent=2))
        return 0
    rows = [
        (str(c["cell"]), str(c["kind"]), str(c["image"]), str(c["state"]), str(c["key"])[:12])
        for c in cells
    ]
    print("\n".join(table(("cell", "kind", "image", "state", "key"), rows)))
    return 0


def _document(planned: PlannedCell, session: Session) -> dict[str, object]:
    recipe = planned.recipe
    return {
        "stage": planned.stage.name,
        "cell": planned.name,
        "kind": planned.kind,
        "axes": dict(planned.cell.axes),
        "needs": list(planned.needs),
        "tags": list(planned.stage.tags),
        "platform": recipe.platform if recipe else "",
        "image": planned.cell.fill(getattr(planned.stage, "image", "")),
        "network": recipe.network if recipe else "",
        "state": state_of(planned, session),
        "key": planned.key,
        "components": dict(recipe.components) if recipe else {},
    }
