"""What several verbs share: naming cells, and planning them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.plan.matrix import Selection
from pipeline.platforms import Target
from pipeline.stages.planner import plan

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.plan.types import Plan


def add_selection(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare ``STAGE...`` and what narrows it."""
    parser.add_argument(
        "stages",
        nargs="+" if required else "*",
        metavar="STAGE",
        help="a stage, a glob, or cells: `wheel`, `test*`, `wheel[linux_arm64,cp311]`",
    )
    parser.add_argument(
        "--target",
        choices=[target.value for target in Target],
        help="only the cells for this platform",
    )


def selections(arguments: argparse.Namespace) -> tuple[Selection, ...]:
    """Return what was asked for; UsageError when a word is no selection."""
    chosen = tuple(Selection.parse(word) for word in arguments.stages)
    if arguments.target:
        everything = Selection(stage="*")
        return tuple(
            Selection(stage=one.stage, values=(*one.values, arguments.target))
            for one in chosen or (everything,)
        )
    return chosen


def plan_of(session: Session, chosen: tuple[Selection, ...]) -> Plan:
    """Return the plan of the session's repository."""
    return plan(session.pipeline, session.lock, session.checkout, chosen)
