"""`docs/conformance.md`: the table of cases, made from the list that the tests hold engines to.

`python -m tests.engines.conformance.page` prints it. What it says of an engine is what
`test_conformance.py` fails without, so it needs no engine to be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.conformance.spec import Fails, Refused
from tests.engines.conformance.table import CASES, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines.conformance.spec import Case

HEAD = """\
# Conformance of the engines

The same request gives the same files on every engine. These {count} Dockerfiles are built by each
of them, and what comes out is compared by digest with what the Dockerfile reference says, or
BuildKit does where the reference is silent. The list is data, in `tests/engines/conformance/`;
`pytest -m network tests/engines/conformance` builds it, and this page is made from it.

*Files* are a tree whose digest was worked out by hand from the case; *fails* is a build that has to
end badly, with the status of the step where one is named; *refused* never reaches an engine. Where
the sandbox says *use Docker*, it refuses by line and name before anything runs.
[dockerfile.md](reference/dockerfile.md) has the rules in words, and what is known to differ.
"""


def page() -> str:
    """Return the whole page."""
    return HEAD.format(count=len(CASES)) + "".join(_sections())


def _sections() -> Iterator[str]:
    for title, cases in GROUPS.items():
        yield f"\n## {title}\n\n| case | sandbox | docker |\n|---|---|---|\n"
        yield from (f"| {_escaped(case.name)} | {' | '.join(_results(case))} |\n" for case in cases)


def _results(case: Case) -> tuple[str, str]:
    match case.output:
        case Fails(status=None):
            result = "fails"
        case Fails(status=status):
            result = f"fails with {status}"
        case Refused():
            result = "refused"
        case _:
            result = "files"
    return "use Docker" if case.beyond else result, result


def _escaped(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is run for
