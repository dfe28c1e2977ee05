"""Measure what the design promises, each beside what it is compared with.

``./pipelinew exec python -m tests.benchmarks.measure`` on a machine that is otherwise quiet prints
the table of ``docs/benchmarks.md``. Downloads come from the usual cache; what is measured cold gets
a store of its own, filled from it. Docker's rows are there where Docker answers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import cases, dev, environments, foreign

if TYPE_CHECKING:
    from tests.benchmarks.cases import Row


def main() -> None:
    """Measure all, or what is named, and print the table."""
    known = {**cases.ALL, **environments.ALL, **dev.ALL, **foreign.ALL}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=15, help="counted runs of each command")
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        for name in arguments.names or known:
            directory = Path(scratch) / name
            directory.mkdir()
            rows += known[name](directory, arguments.runs)
    lines = ["| what | reading | beside | ratio | at most |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.reading} | {r.beside} | {r.ratio} | {r.allowed} |" for r in rows]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
