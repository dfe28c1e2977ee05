"""``pipeline release``: the next version, and undoing a release that was not finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.checkout import worktree
from pipeline.cli.cutting import scene
from pipeline.cli.outcome import show_json
from pipeline.errors import ReleaseRefusedError
from pipeline.release import journal as journals
from pipeline.release.cut import undo
from pipeline.release.fragments import leftover_remarks
from pipeline.release.propose import propose, write

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

EXAMPLES = (
    ("pipeline release propose", "which version comes next, and why"),
    ("pipeline release propose --write", "the same, into the version file"),
    ("pipeline release propose --pre rc", "its next candidate"),
    ("pipeline release abort", "take back a release that was interrupted"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "action",
        choices=("propose", "abort"),
        metavar="ACTION",
        help="`propose` the next version, or `abort` a half-made release",
    )
    parser.add_argument(
        "--pre", choices=("a", "b", "rc", "dev"), help="propose: a pre-release of it", default=""
    )
    parser.add_argument(
        "--write", action="store_true", help="propose: write it into the version file"
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do the action. Propose prints the version on standard output, the reasons beside it."""
    if arguments.action == "abort":
        return _abort(arguments, session)
    known = scene(session)
    for remark in leftover_remarks(known.root, known.settings):
        session.console.warning(remark)
    found = propose(known, stage=arguments.pre)
    file = session.pipeline.project.version
    if arguments.write:
        write(session.root / file, found.version)
    if arguments.json:
        names = ("version", "current", "last", "reasons")
        show_json({name: getattr(found, name) for name in names})
        return 0
    for reason in found.reasons:
        session.console.info(reason)
    session.console.info(
        f"released last: {found.last or 'nothing'}; "
        + (f"written to `{file}`" if arguments.write else f"`{file}` holds {found.current}")
    )
    print(found.version)
    return 0


def _abort(arguments: argparse.Namespace, session: Session) -> int:
    journal = journals.read(session.root) if worktree.is_repository(session.root) else None
    if journal is None:
        raise ReleaseRefusedError(
            "no release is half cut here, so there is nothing to take back",
            hint="one that is finished and was not pushed goes with `git tag -d TAG` and "
            "`git reset --keep HEAD~`",
        )
    with journals.alone(session.root):
        undo(session.root, journal)
    if arguments.json:
        show_json({"version": journal.version, "tag": journal.tag, "commit": journal.commit})
    else:
        print(f"the release {journal.version} was taken back: `{journal.branch}` is as it was")
    return 0
