"""``pipeline cache``: what lies in the store, whether it is sound, and making room."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.cli.parser import days
from pipeline.console import human_size, table
from pipeline.errors import VerificationError
from pipeline.store import cache

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

DAY = 86400.0

EXAMPLES = (
    ("pipeline cache list", "how much lies there, by kind"),
    ("pipeline cache verify", "hash everything again; what is damaged is removed"),
    ("pipeline cache prune --older-than 7", "remove what no run used for a week"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions."""
    parser.add_argument(
        "action",
        choices=("list", "verify", "prune"),
        metavar="ACTION",
        help="`list`, `verify` or `prune`",
    )
    parser.add_argument(
        "--older-than",
        type=days,
        default=30.0,
        metavar="DAYS",
        help="prune: only what was not used for so many days (default: 30)",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do the action; `verify` exits 4 when it found damage."""
    actions = {"list": _list, "verify": _verify, "prune": _prune}
    actions[arguments.action](arguments, session)
    return 0


def _list(arguments: argparse.Namespace, session: Session) -> None:
    items = sorted(cache.listing(session.store), key=lambda item: (item.kind, item.key))
    if arguments.json:
        document = {"root": str(session.store.root), "items": [asdict(item) for item in items]}
        print(json.dumps(document, indent=2))
        return
    kinds: dict[str, list[int]] = {}
    for item in items:
        kinds.setdefault(item.kind, []).append(item.size)
    rows = [(kind, str(len(sizes)), human_size(sum(sizes))) for kind, sizes in kinds.items()]
    rows.append(("all", str(len(items)), human_size(sum(item.size for item in items))))
    print(session.store.root)
    print("\n".join(table(("kind", "items", "size"), rows)))


def _verify(arguments: argparse.Namespace, session: Session) -> None:
    damages = cache.verify(session.store)
    if arguments.json:
        print(json.dumps({"damages": [asdict(d) for d in damages]}, indent=2, default=str))
    elif not damages:
        print("everything in the cache is what it says")
    if damages:
        raise VerificationError(
            f"{len(damages)} items of the cache were damaged and have been removed",
            detail=tuple(f"{d.kind} {d.path}: {d.what}" for d in damages),
            hint="run again: what is missing is fetched or built anew",
        )


def _prune(arguments: argparse.Namespace, session: Session) -> None:
    pruned = cache.prune(
        session.store, keep=frozenset(), older_than=time.time() - arguments.older_than * DAY
    )
    if arguments.json:
        print(json.dumps(asdict(pruned), indent=2))
    else:
        print(f"{pruned.items} items removed, {human_size(pruned.size)} freed")
