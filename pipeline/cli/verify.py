"""``pipeline verify``: build again, elsewhere and otherwise, and compare the bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.parser import add_network
from pipeline.cli.selecting import add_selection, plan_of, selections
from pipeline.console import table
from pipeline.errors import StageFailedError, VerificationError
from pipeline.execute.engines import choose
from pipeline.execute.rebuild import Comparison, rebuild
from pipeline.execute.run import execute

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

EXAMPLES = (
    ("pipeline verify wheel", "the wheel and the sdist it is made from, built twice"),
    ("pipeline verify 'wheel[cp311]' --offline", "one cell, from what the cache holds"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser)
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Compare every file; exit 4 when one differs, naming it and, where known, the cause."""
    plan = plan_of(session, selections(arguments))
    session.checkout.remember()
    means = session.means(choose("auto", session.store))
    first = execute(plan, means, session.options())
    if first.failures:
        raise first.failures[0]
    session.console.info("building again: fresh store, other directory, umask, zone and locale")
    comparisons = rebuild(plan, first, session.checkout, means, session.root)
    if not comparisons:
        raise StageFailedError("the stages asked for make no files, so there is nothing to compare")
    different = [comparison for comparison in comparisons if not comparison.same]
    if arguments.json:
        print(json.dumps({"files": [c.document() for c in comparisons]}, indent=2))
    else:
        rows = [(c.name, "same" if c.same else "differs", c.first) for c in comparisons]
        print("\n".join(table(("file", "bytes", "sha256"), rows)))
    if different:
        raise VerificationError(
            f"{len(different)} of {len(comparisons)} files came out with other bytes",
            detail=tuple(line for comparison in different for line in _words(comparison)),
        )
    return 0


def _words(comparison: Comparison) -> list[str]:
    return [f"{comparison.name}:", *(f"  {difference}" for difference in comparison.differences)]
