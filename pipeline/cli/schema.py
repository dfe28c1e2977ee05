"""``pipeline schema``: the JSON Schema that editors check the YAML files with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.config.schema import schema

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

EXAMPLES = (("pipeline schema image > image.schema.json", "for an editor"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which file's schema."""
    parser.add_argument(
        "kind",
        nargs="?",
        choices=("pipeline", "image"),
        metavar="KIND",
        default="pipeline",
        help="`pipeline` (pipeline.yaml, the default) or `image` (images/NAME.yaml)",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print it."""
    del session
    print(json.dumps(schema(arguments.kind), indent=2))
    return 0
