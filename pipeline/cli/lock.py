"""``pipeline lock``: resolve everything the declarations ask for into ``pipeline.lock``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pipeline.cli.outcome import conclude
from pipeline.cli.parser import add_mirror
from pipeline.errors import LockError, UsageError
from pipeline.files import atomic_write
from pipeline.lock.file import FILE, dump, load
from pipeline.locking.stale import check

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from pipeline.cli.session import Session
    from pipeline.lock.types import Lock

EXAMPLES = (
    ("pipeline lock", "lock what was declared anew, keep the rest"),
    ("pipeline lock --check", "for CI: exit 3 when a declaration moved"),
    ("pipeline lock --update hatchling", "move one package, leave the rest"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--check", action="store_true", help="only say whether the lock is fresh; no network"
    )
    parser.add_argument(
        "--update",
        action="append",
        metavar="NAME",
        help="move this package, image, stage or environment and leave the rest; may be repeated",
    )
    parser.add_argument("--upgrade", action="store_true", help="resolve everything anew")
    parser.add_argument(
        "--epoch",
        metavar="SECONDS",
        help="set SOURCE_DATE_EPOCH: seconds, or `now` (else it stays as it is)",
    )
    add_mirror(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Check the lock, or write it and the requirement files of environments."""
    path = session.root / FILE
    if arguments.check:
        return _check(arguments, session, path)
    previous = _previous(path, anew=arguments.upgrade)
    lock = _resolve(arguments, session, previous)
    text = dump(lock)
    changed = not path.is_file() or path.read_text(encoding="utf-8") != text
    if changed:
        atomic_write(path, text.encode())
    written = [FILE] if changed else []
    written += _export(session, lock)
    if arguments.json:
        print(json.dumps({"written": written, "epoch": lock.epoch}, indent=2))
    else:
        print("\n".join(f"wrote {name}" for name in written) or f"{FILE} is as it was")
        session.console.info(f"it pins {_pinned(lock)}")
    return 0


def _check(arguments: argparse.Namespace, session: Session, path: Path) -> int:
    lock = load(path)
    stale = check(session.pipeline, lock)
    drifted = [
        name for name, text in _exports(session, lock) if _differs(session.root / name, text)
    ]
    failure = None
    if stale or drifted:
        failure = LockError(
            f"`{FILE}` is stale",
            hint="run `pipeline lock`",
            detail=(*map(str, stale), *(f"{name} is not what the lock says" for name in drifted)),
        )
    elif not arguments.json:
        print(f"{FILE} is fresh")
    return conclude({"fresh": not failure}, failure, session.console, as_json=arguments.json)


def _previous(path: Path, *, anew: bool) -> Lock | None:
    """Return the lock there is; one that cannot be read counts as none if all is locked anew."""
    if not path.is_file():
        return None
    try:
        return load(path)
    except LockError as error:
        if anew:
            return None
        hint = f"restore it (`git checkout -- {FILE}`), or lock all anew: `pipeline lock --upgrade`"
        raise LockError(error.message, where=error.where, hint=hint) from error


def _resolve(arguments: argparse.Namespace, session: Session, previous: Lock | None) -> Lock:
    from pipeline.execute.hooks import Asker  # noqa: PLC0415 - `--check` does without
    from pipeline.execute.logs import Turns  # noqa: PLC0415
    from pipeline.locking.resolve import resolve  # noqa: PLC0415

    asker = Asker(
        engine=session.engine(),
        store=session.store,
        checkout=session.checkout,
        turns=Turns(session.console.speaker(quiet=True)),
    )
    return resolve(
        session.pipeline,
        previous,
        session.settings,
        store=session.store,
        run_step=asker,
        epoch=_epoch(arguments.epoch, previous),
        update=None if arguments.upgrade else frozenset(arguments.update or ()),
        say=session.console.info,
    )


def _epoch(text: str | None, previous: Lock | None) -> int:
    """Return the lock's epoch: what the flag says, else what it was, else the present moment."""
    if text is None and previous is not None:
        return previous.epoch
    if text is None or text == "now":
        return int(time.time())
    if not text.isdecimal():
        raise UsageError(
            f"`{text}` is no number of seconds", hint="give seconds since 1970, or `now`"
        )
    return int(text)


def _exports(session: Session, lock: Lock) -> list[tuple[str, str]]:
    """Return the requirement files that environments declare, and what they have to hold."""
    from pipeline.bootstrap import sealed  # noqa: PLC0415 - only where the lock is written
    from pipeline.locking.requirements import requirements_text  # noqa: PLC0415

    return [
        (environment.export, sealed(requirements_text(lock.environments[name])))
        for name, environment in session.pipeline.environments.items()
        if environment.export and name in lock.environments
    ]


def _export(session: Session, lock: Lock) -> list[str]:
    written = []
    for name, text in _exports(session, lock):
        if _differs(session.root / name, text):
            atomic_write(session.root / name, text.encode())
            written.append(name)
    return written


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def _pinned(lock: Lock) -> str:
    """Say how much a lock pins, each file once."""
    platforms = [
        platform for image in lock.images.values() for platform in image.platforms.values()
    ]
    packages = {package.sha256 for platform in platforms for package in platform.packages}
    files = {file.sha256 for platform in platforms for file in platform.wheels}
    sets = [
        *lock.environments.values(),
        *(s for st in lock.stages.values() for s in st.sets.values()),
    ]
    files |= {f.sha256 for found in sets for locked in found.requirements for f in locked.files}
    files |= {file.sha256 for file in lock.sources.values()}
    blobs = {one.sha256 for on in platforms if on.base for one in on.base.blobs}
    parts = [f"{len(packages)} Debian packages", f"{len(files)} Python files"]
    parts += [f"{len(blobs)} files of images that others made"] if blobs else []
    return f"{', '.join(parts[:-1])} and {parts[-1]} by sha256"
