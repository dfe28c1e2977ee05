"""``pipeline changes``: news fragments, from the first word to the notes of a release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.cli.outcome import show_json
from pipeline.errors import UsageError
from pipeline.release import changelog, checking, create, fragments, lines, renumber
from pipeline.release.settings import read_settings, require_directory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pipeline.cli.session import Session
    from pipeline.release.settings import Settings

ACTIONS = ("new", "check", "preview", "renumber", "sync")
EXAMPLES = (
    ("pipeline changes new", "asks for kind, issue and text"),
    ("pipeline changes new --kind fix --issue 12", "the text from standard input"),
    ("pipeline changes check --since origin/main", "exit 7 without a note"),
    ("pipeline changes preview", "the notes as they stand"),
    ("pipeline changes renumber --to 123", "notes without a number get one"),
    ("pipeline changes sync v1.2.1", "merge the notes of another line"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        metavar="ACTION",
        help=", ".join(f"`{name}`" for name in ACTIONS),
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="sync: a branch, tag or commit of the other line; renumber: fragments (default: all)",
    )
    parser.add_argument("--kind", metavar="KIND", help="new: feature, fix, … as towncrier has them")
    parser.add_argument("--issue", metavar="N", help="new: number of the issue or pull request")
    parser.add_argument("--slug", metavar="WORD", help="new: its name where it has no issue")
    parser.add_argument("--text", metavar="TEXT", help="new: the note (default: standard input)")
    parser.add_argument("--section", metavar="NAME", help="new: section of the changelog")
    parser.add_argument(
        "--since", metavar="REF", help="check: compare with this (default: the remote's main)"
    )
    parser.add_argument("--to", metavar="N", help="renumber: number of the issue or pull request")
    parser.add_argument(
        "--draft", action="store_true", help="renumber, sync: only say what would be done"
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do the action."""
    settings = read_settings(session.root)
    require_directory(settings, session.pipeline.project.changes)
    actions = {
        "new": _new,
        "check": _check,
        "preview": _preview,
        "renumber": _renumber,
        "sync": _sync,
    }
    for remark in fragments.leftover_remarks(session.root, settings):
        session.console.warning(remark)
    if arguments.names and arguments.action not in {"renumber", "sync"}:
        raise UsageError(
            f"`pipeline changes {arguments.action}` takes no further word",
            hint="see `pipeline changes --help`",
        )
    actions[arguments.action](arguments, session, settings)
    return 0


def _new(arguments: argparse.Namespace, session: Session, settings: Settings) -> None:
    asks = sys.stdin.isatty() and not (arguments.kind and arguments.text)
    kind = arguments.kind or (_ask_kind(settings) if asks else None)
    if kind is None:
        raise UsageError(
            "a note needs a kind",
            hint=f"`--kind` with one of {', '.join(f'`{word}`' for word in settings.words)}",
        )
    create.require_kind(settings, kind)
    directory = create.section_directory(settings, arguments.section)
    issue = arguments.issue
    if issue is None and asks and not arguments.slug:
        issue = _ask("number of the issue or pull request (none: Enter): ").lstrip("#")
    text = arguments.text if arguments.text is not None else _text(asks=asks)
    stem = create.stem_of(settings, issue or "", arguments.slug or "", text)
    path = create.create(session.root, settings, directory, stem, kind, text)
    _tell(arguments, {"fragment": path}, [path])


def _ask_kind(settings: Settings) -> str:
    for number, kind in enumerate(settings.kinds, start=1):
        sys.stderr.write(f"  {number}  {kind.word}  ({kind.title})\n")
    answer = _ask("kind: ")
    if answer.isdecimal() and 1 <= int(answer) <= len(settings.kinds):
        return settings.kinds[int(answer) - 1].word
    return answer


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _text(*, asks: bool) -> str:
    if asks:
        return _ask("what will a user notice? ")
    return sys.stdin.read()


def _check(arguments: argparse.Namespace, session: Session, settings: Settings) -> None:
    since = arguments.since or checking.usual_base(session.root)
    found = checking.check(session.root, session.pipeline.project, settings, since)
    document = {
        "since": since,
        "reason": found.reason,
        "fragments": list(found.fragments),
        "changed": list(found.changed),
    }
    _tell(arguments, document, [found.reason, *found.fragments])


def _preview(arguments: argparse.Namespace, session: Session, settings: Settings) -> None:
    checking.require_sound(session.root, settings)
    notes = changelog.draft(
        session.root, version=session.version or "next", date=session.moment.date.isoformat()
    )
    _tell(arguments, {"version": session.version, "notes": notes}, [notes.rstrip("\n")])


def _renumber(arguments: argparse.Namespace, session: Session, settings: Settings) -> None:
    if not arguments.to:
        raise UsageError("`renumber` needs the number that fragments get", hint="`--to 123`, say")
    found = renumber.plan_renumbering(
        session.root, settings, arguments.to.lstrip("#"), arguments.names or None
    )
    if not arguments.draft:
        renumber.carry_out(session.root, found)
    rows = [f"{one.old} -> {one.new}" for one in found] or ["every fragment has a number"]
    document = {"renamed": [{"old": one.old, "new": one.new} for one in found]}
    _tell(arguments, document, rows)


def _sync(arguments: argparse.Namespace, session: Session, settings: Settings) -> None:
    if len(arguments.names) != 1:
        raise UsageError(
            "`sync` needs one branch, tag or commit of the other line",
            hint="`pipeline changes sync v1.2.1`, say",
        )
    found = lines.plan_sync(session.root, session.pipeline.project, settings, arguments.names[0])
    if not arguments.draft:
        lines.carry_out(session.root, found)
    rows = [f"{found.changelog}: the notes of {version}" for version in found.versions]
    rows += [f"removed {path}, which is among them" for path in found.removed]
    document = {"versions": list(found.versions), "removed": list(found.removed)}
    _tell(arguments, document, rows or ["nothing is missing here"])


def _tell(
    arguments: argparse.Namespace, document: Mapping[str, object], rows: Sequence[str]
) -> None:
    if arguments.json:
        show_json(dict(document))
    else:
        print("\n".join(rows))
