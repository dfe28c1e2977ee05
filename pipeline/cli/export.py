"""``pipeline export``: environments at stable paths for IDEs, or an image as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.parser import add_network
from pipeline.environments.editors import FILES
from pipeline.errors import UsageError
from pipeline.platforms import Target

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

EXAMPLES = (
    ("pipeline export -e dev", "make or move .pipeline/venvs/dev"),
    ("pipeline export --all", "after a change of branch"),
    ("pipeline export -e dev --settings vscode", "what to tell the editor"),
    ("pipeline export image gcc -o gcc.tar", "an image to attach"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("what", nargs="?", choices=("image",), help="what to write as a file")
    parser.add_argument("name", nargs="?", metavar="NAME", help="an image of `images/NAME.yaml`")
    parser.add_argument(
        "-e",
        "--environment",
        action="append",
        default=[],
        metavar="NAME",
        help="put this environment at `.pipeline/venvs/NAME`; may be repeated",
    )
    parser.add_argument(
        "--all", action="store_true", help="put every environment for this machine there"
    )
    parser.add_argument(
        "--settings", choices=tuple(FILES), help="print what this editor needs to use it"
    )
    parser.add_argument(
        "--write", action="store_true", help="write these settings, unless the file is there"
    )
    parser.add_argument(
        "--target",
        choices=[target.value for target in Target],
        help="platform of the image (default: this machine's, else its first)",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the image goes")
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Export environments, or an image."""
    environments = bool(arguments.environment or arguments.all)
    if environments == bool(arguments.what):
        raise UsageError(
            "`pipeline export` takes either environments or an image",
            hint="for instance `pipeline export -e dev`, or `pipeline export image NAME -o FILE`",
        )
    # Each way needs its own half of the tool, and neither is small.
    if environments:
        from pipeline.cli.exporting import export_environments  # noqa: PLC0415

        return export_environments(arguments, session)
    if not arguments.name or not arguments.output:
        raise UsageError(
            "`pipeline export image` needs the name of an image and a file",
            hint="`pipeline export image NAME -o FILE`",
        )
    from pipeline.cli.export_image import export_image  # noqa: PLC0415

    return export_image(arguments, session)
