"""``pipeline verify``: build again, elsewhere and otherwise, and compare the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.outcome import conclude
from pipeline.cli.parser import add_engine, add_network
from pipeline.cli.reproducing import relisted, reproduced, require_tags, tag_of
from pipeline.cli.selecting import add_selection, plan_of, require_words, selections
from pipeline.console import table
from pipeline.errors import StageFailedError, VerificationError
from pipeline.execute.rebuild import Comparison, rebuild
from pipeline.execute.run import execute, prepare

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session

EXAMPLES = (
    ("pipeline verify wheel", "it and the sdist it is made from"),
    ("pipeline verify 'wheel[cp311]' --offline", "one cell, without network"),
    ("pipeline verify v1.0", "all that the tag lists"),
    ("pipeline verify dist/a.whl --from-provenance", "a published file"),
    ("pipeline verify v1.0 --from-provenance", "its files in dist"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser)
    add_engine(parser)
    add_network(parser)
    parser.add_argument(
        "--from-provenance",
        action="store_true",
        help="take the words for files or tags: rebuild from the commit that the provenance "
        "names, offline where the cache has the downloads, and compare",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Compare every file; exit 4 when one differs, naming it and, where known, the cause."""
    comparisons = _compared(arguments, session)
    if not comparisons:
        raise StageFailedError("the stages asked for make no files, so there is nothing to compare")
    if not arguments.json:
        rows = [(c.name, "same" if c.same else "differs", c.first) for c in comparisons]
        print("\n".join(table(("file", "bytes", "sha256"), rows, yields=2)))
    document = {"files": [comparison.document() for comparison in comparisons]}
    return conclude(document, _failure(comparisons), session.console, as_json=arguments.json)


def _compared(arguments: argparse.Namespace, session: Session) -> tuple[Comparison, ...]:
    if arguments.from_provenance:
        require_words(arguments)
        return reproduced(arguments.stages, session)
    if len(arguments.stages) == 1 and tag_of(arguments.stages[0], session):
        return relisted(arguments.stages[0], session)
    require_tags(arguments.stages, session)
    plan = plan_of(session, selections(arguments))
    session.checkout.remember()
    means = session.means(session.engine())
    first = execute(plan, means, session.options())
    if first.failures:
        raise first.failures[0]
    # What is in the cache needed no downloads; the second build has nothing but them.
    prepare([cell.recipe for cell in plan.cells if cell.recipe], means)
    session.console.info("building again: fresh cache, other directory, umask, zone and locale")
    return rebuild(plan, first, session.checkout, means, engine=session.engine_choice)


def _failure(comparisons: Sequence[Comparison]) -> VerificationError | None:
    different = [comparison for comparison in comparisons if not comparison.same]
    if not different:
        return None
    return VerificationError(
        f"{len(different)} of {len(comparisons)} files came out with other bytes",
        detail=tuple(line for comparison in different for line in _words(comparison)),
    )


def _words(comparison: Comparison) -> list[str]:
    return [f"{comparison.name}:", *(f"  {difference}" for difference in comparison.differences)]
