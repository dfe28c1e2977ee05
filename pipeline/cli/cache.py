"""``pipeline cache``: what lies in the store, whether it is sound, and making room."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.cli.outcome import conclude
from pipeline.cli.parser import days
from pipeline.console import human_size, table
from pipeline.errors import VerificationError
from pipeline.store import cache

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

DAY = 86400.0
KINDS = {
    "blob": "what was downloaded and what was built, by sha256",
    "result": "what a cell made, by its key",
    "layer": "unpacked layers of images",
    "bytecode": "compiled Python of images, for the sandbox",
    "env": "what lies in `/env` of a step",
    "environment": "environments of `pipeline exec`",
    "copy": "trees that a step got by COPY, as layers",
    "installed": "environments in images that stages make",
    "layout": "images as OCI layouts",
    "output": "files made by one cell for another",
    "source": "copies of sources, as steps see them",
    "unpacked": "unpacked sdists",
}

EXAMPLES = (
    ("pipeline cache list", "how much lies there, by kind"),
    ("pipeline cache verify", "hash all again, remove the damaged"),
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
    return actions[arguments.action](arguments, session)


def _list(arguments: argparse.Namespace, session: Session) -> int:
    items = sorted(cache.listing(session.store), key=lambda item: (item.kind, item.key))
    if arguments.json:
        document = {"root": str(session.store.root), "items": [asdict(item) for item in items]}
        print(json.dumps(document, indent=2))
        return 0
    kinds: dict[str, list[int]] = {}
    for item in items:
        kinds.setdefault(item.kind, []).append(item.size)
    rows = [
        (kind, str(len(sizes)), human_size(sum(sizes)), KINDS.get(kind, ""))
        for kind, sizes in kinds.items()
    ]
    rows.append(("all", str(len(items)), human_size(sum(item.size for item in items)), ""))
    print(session.store.root)
    print("\n".join(table(("kind", "items", "size", ""), rows, "lrrl")))
    return 0


def _verify(arguments: argparse.Namespace, session: Session) -> int:
    damages = cache.verify(session.store)
    failure = None
    if damages:
        failure = VerificationError(
            f"{len(damages)} items of the cache were damaged and have been removed",
            detail=tuple(f"{d.kind} {d.path}: {d.what}" for d in damages),
            hint="run again: what is missing is fetched or built anew",
        )
    elif not arguments.json:
        print("everything in the cache is what it says")
    document = {"damages": [asdict(damage) for damage in damages]}
    return conclude(document, failure, session.console, as_json=arguments.json)


def _prune(arguments: argparse.Namespace, session: Session) -> int:
    pruned = cache.prune(
        session.store, keep=frozenset(), older_than=time.time() - arguments.older_than * DAY
    )
    if arguments.json:
        print(json.dumps(asdict(pruned), indent=2))
    else:
        print(f"{len(pruned.items)} items removed, {human_size(pruned.size)} freed")
    return 0
