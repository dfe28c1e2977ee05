"""What several verbs share: naming cells, and planning them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage
from pipeline.errors import UsageError
from pipeline.plan.matrix import all_cells
from pipeline.plan.selection import Selection, TagFilter, select
from pipeline.stages.planner import plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session
    from pipeline.lock.types import Lock
    from pipeline.plan.types import Plan

FEW = 5
AXES = {"target": "linux_arm64", "python": "cp313"}
"""The axes that have flags, and a value of each."""


def add_selection(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare ``STAGE...`` and what narrows it; ``required`` refuses a call that names nothing."""
    parser.set_defaults(needs_stage=parser.prog if required else "")
    parser.add_argument(
        "stages",
        nargs="*",
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
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="[+-]TAG,...",
        help="only stages with one of these `tags`, or with `-` none of them; globs work; repeated "
        "flags must all hold",
    )


def selections(arguments: argparse.Namespace) -> tuple[Selection, ...]:
    """Return what was asked for; UsageError when a word is no selection, or nothing is named."""
    axes = tuple((axis, tuple(asked)) for axis in AXES if (asked := getattr(arguments, axis)))
    tags = tuple(TagFilter.parse(text) for text in arguments.tag)
    require_words(arguments, tags)
    words = arguments.stages or (["*"] if axes or tags else [])
    return tuple(replace(Selection.parse(word), axes=axes, tags=tags) for word in words)


def require_words(arguments: argparse.Namespace, tags: Sequence[TagFilter] = ()) -> None:
    """Raise UsageError where a verb needs to be told what to do: by a word, or a tag to include.

    What only leaves something out, an axis or a tag, would mean all the rest, releases among it.
    """
    if arguments.needs_stage and not arguments.stages and all(tag.exclude for tag in tags):
        raise UsageError(
            f"`{arguments.needs_stage}` needs STAGE", hint="`pipeline list` names the stages"
        )


def plan_of(session: Session, chosen: tuple[Selection, ...]) -> Plan:
    """Return the plan of the session's repository; say which tracked files its inputs lack."""
    caches = not getattr(session.arguments, "rebuild", False)
    lock = _lock(session, chosen)
    checkout = session.checkout
    found = plan(session.pipeline, lock, checkout, chosen, caches=caches)
    if absent := sorted(checkout.left_out):
        shown = ", ".join(f"`{name}`" for name in absent[:FEW])
        more = f" and {len(absent) - FEW} more" if len(absent) > FEW else ""
        session.console.warning(f"tracked files are not on disk, so stages lack {shown}{more}")
    return found


def _lock(session: Session, chosen: tuple[Selection, ...]) -> Lock:
    """Return the lock, checked as far as the chosen stages go by it.

    All of it has to be fresh where the host has work to do: a release is of the whole repository.
    """
    stages = session.pipeline.stages
    names = {cell.stage for cell in select(all_cells(session.pipeline), chosen)}
    if any(not isinstance(stages[name], ContainerStage) for name in names):
        return session.lock
    return session.use_lock(stages=names)
