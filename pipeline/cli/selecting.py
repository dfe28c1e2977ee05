"""What several verbs share: naming cells, and planning them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.plan.selection import Selection
from pipeline.stages.planner import plan

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.plan.types import Plan

AXES = {"target": "linux_arm64", "python": "cp313"}
"""The axes that have flags, and a value of each."""


def add_selection(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare ``STAGE...`` and what narrows it."""
    parser.add_argument(
        "stages",
        nargs="+" if required else "*",
        metavar="STAGE",
        help="a stage, a glob, or cells: `wheel`, `test*`, `wheel[linux_arm64,cp311]`",
    )
    for axis, example in AXES.items():
        parser.add_argument(
            f"--{axis}",
            action="append",
            default=[],
            metavar=axis.upper(),
            help=f"of stages with an axis `{axis}` only these cells, such as `{example}`; "
            "globs work; may be repeated",
        )


def selections(arguments: argparse.Namespace) -> tuple[Selection, ...]:
    """Return what was asked for; UsageError when a word is no selection."""
    axes = tuple((axis, tuple(asked)) for axis in AXES if (asked := getattr(arguments, axis)))
    words = arguments.stages or (["*"] if axes else [])
    return tuple(replace(Selection.parse(word), axes=axes) for word in words)


def plan_of(session: Session, chosen: tuple[Selection, ...]) -> Plan:
    """Return the plan of the session's repository."""
    caches = not getattr(session.arguments, "rebuild", False)
    return plan(session.pipeline, session.lock, session.checkout, chosen, caches=caches)
