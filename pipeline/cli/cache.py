"""``pipeline cache``: the user's store, the project's download cache, and bundles of both.

The store (`pipeline.store`) can be made again and is looked after by `list`, `verify` and `prune`.
The download cache (`pipeline.downloads`) lasts: the same three words with ``--downloads`` mean it,
and `add`, `upgrade` and `remove` change nothing else.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.cli import cache_bundle, cache_downloads, noop
from pipeline.cli.outcome import conclude
from pipeline.cli.parser import add_network, days
from pipeline.console import human_size, table
from pipeline.environments.export import in_use
from pipeline.errors import UsageError, VerificationError
from pipeline.platforms import Target
from pipeline.store import cache

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session

DAY = 86400.0
OLD = 30.0
KINDS = {
    "blob": "what was downloaded and what was built, by sha256",
    "result": "what a cell made, by its key",
    "layer": "unpacked layers of images",
    "bytecode": "compiled Python of images, for the sandbox",
    "env": "what lies in `/env` of a step",
    "environment": "environments of `pipeline exec`",
    "wheel": "unpacked wheels, which environments link",
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
    ("pipeline cache add --locked", "keep all that the lock names"),
    ("pipeline cache add attrs==25.4.0", "keep a release"),
    ("pipeline cache add --fork DIR --local x1", "build a fork and keep it"),
    ("pipeline cache prune --downloads", "remove what no branch locks"),
    ("pipeline cache export all.bundle", "for a machine without network"),
)

FLAGS = {
    "list": {"downloads"},
    "verify": {"downloads"},
    "prune": {"downloads", "branches", "also", "older_than"},
    "add": {"locked", "fork", "local", "image", "offline", "debian_mirror"},
    "upgrade": set[str](),
    "remove": set[str](),
    "export": {"platform", "offline", "debian_mirror"},
    "import": set[str](),
}
"""The flags that mean something to an action."""

WORDS = {
    "add": (0, 1000),
    "upgrade": (1, 1000),
    "remove": (1, 1000),
    "export": (1, 1),
    "import": (1, 1),
}
"""How many further words an action takes, at least and at most; the others take none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    parser.add_argument(
        "action",
        choices=tuple(FLAGS),
        metavar="ACTION",
        help=" or ".join((", ".join(f"`{name}`" for name in list(FLAGS)[:-1]), "`import`")),
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="add: releases `NAME==VERSION` or files; upgrade: names; remove: releases; export, "
        "import: the bundle",
    )
    parser.add_argument(
        "--older-than",
        type=days,
        metavar="DAYS",
        help=f"prune: only what was not used for so many days (default: {OLD:.0f})",
    )
    parser.add_argument(
        "--downloads",
        action="store_true",
        help="list, verify, prune: the project's download cache in place of the store",
    )
    parser.add_argument(
        "--branches",
        metavar="GLOBS",
        help="prune --downloads: whose locks count, such as `main,release/*` (default: "
        "`project.branches`)",
    )
    parser.add_argument(
        "--also",
        action="append",
        metavar="DIR",
        help="prune --downloads: a checkout of another repository that uses the same download "
        "cache; may be repeated",
    )
    parser.add_argument("--locked", action="store_true", help="add: everything that the lock names")
    parser.add_argument("--fork", metavar="DIR", help="add: build the project in this directory")
    parser.add_argument(
        "--local", metavar="LABEL", help="add --fork: local part of its version, such as `acme1`"
    )
    parser.add_argument(
        "--image", metavar="NAME", help="add --fork: the image to build in (default: the first)"
    )
    parser.add_argument(
        "--platform",
        action="append",
        choices=[target.value for target in Target],
        help="export: only what is for this platform; may be repeated",
    )
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do the action; `verify` exits 4 when it found damage."""
    _check(arguments)
    of_store = {"list": _list, "verify": _verify, "prune": _prune}
    if arguments.action in of_store and not arguments.downloads:
        return of_store[arguments.action](arguments, session)
    if arguments.action in {"export", "import"}:
        return cache_bundle.run(arguments, session)
    return cache_downloads.run(arguments, session)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse flags and words that mean nothing to the action."""
    action = arguments.action
    hint = "see `pipeline cache --help`"
    every = set().union(*FLAGS.values())
    for name in sorted(every - FLAGS[action]):
        if getattr(arguments, name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"`{flag}` means nothing to `pipeline cache {action}`", hint=hint)
    low, high = WORDS.get(action, (0, 0))
    if not low <= len(arguments.words) <= high:
        needed = "takes no further word" if not high else "needs a word that says what"
        raise UsageError(f"`pipeline cache {action}` {needed}", hint=hint)
    if (arguments.branches or arguments.also) and not arguments.downloads:
        flag = "--branches" if arguments.branches else "--also"
        raise UsageError(f"`{flag}` is for `--downloads`: no branch names what is in the store")
    if arguments.downloads and arguments.older_than is not None:
        raise UsageError("`--older-than` is for the store: what is in a download cache lasts")


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
    age = OLD if arguments.older_than is None else arguments.older_than
    store = session.store
    exported = in_use(store.root)
    oldest = time.time() - age * DAY
    pruned = cache.prune(store, keep=exported, older_than=oldest)
    noop.forget(str(store.root), oldest)
    if arguments.json:
        print(json.dumps(asdict(pruned), indent=2))
    else:
        print(f"{len(pruned.items)} items removed, {human_size(pruned.size)} freed")
        if exported:
            count = "one environment stays" if len(exported) == 1 else f"{len(exported)} stay"
            print(f"{count}: `.pipeline/venvs` of a checkout leads there")
    return 0
