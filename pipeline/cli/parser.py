"""The parser of a verb's flags: argparse, with our errors and the flags every verb has."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from pipeline.errors import UsageError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def make_parser(verb: str, summary: str) -> argparse.ArgumentParser:
    """Return a parser that knows the flags of every verb; it raises UsageError, never exits on one.

    ``--help`` alone ends the program, as argparse does it.
    """
    description = f"{summary[0].upper()}{summary[1:]}."
    parser = _Parser(prog=f"pipeline {verb}", description=description)
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "-C", "--directory", type=Path, help="look for pipeline.yaml from here upwards"
    )
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return parser
