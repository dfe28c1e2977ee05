"""``pipeline lock``: resolve everything the declarations ask for into ``pipeline.lock``."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from pipeline.cli.exported import exported, require_ours
from pipeline.cli.outcome import conclude
from pipeline.cli.parser import add_network, positive
from pipeline.errors import LockError, UsageError
from pipeline.files import atomic_write
from pipeline.lock.file import FILE, dump, load
from pipeline.locking.stale import check

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.cli.session import Session
    from pipeline.errors import PipelineError
    from pipeline.lock.types import Lock
    from pipeline.locking.moved import Moved
    from pipeline.locking.resolve import Resolution
    from pipeline.locking.settings import Settings

EXAMPLES = (
    ("pipeline lock", "lock what is new, keep the rest"),
    ("pipeline lock --check", "for CI: exit 3 when a declaration moved"),
    ("pipeline lock --update hatchling", "move one package, leave the rest"),
    ("pipeline lock --upgrade --min-age 7", "move all, nothing younger than a week"),
    ("pipeline lock --resolve-conflict", "after a merge: resolve from both sides"),
)

MERGED = "from the merge"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--check", action="store_true", help="only say whether the lock is fresh; no network"
    )
    parser.add_argument(
        "--update",
        action="append",
        metavar="NAME",
        help="move this package, image, stage or environment and leave the rest; may be repeated",
    )
    ways.add_argument("--upgrade", action="store_true", help="resolve everything anew")
    ways.add_argument(
        "--resolve-conflict",
        action="store_true",
        help="after a merge: keep what both sides agree on, and resolve the rest",
    )
    parser.add_argument(
        "--min-age",
        type=positive,
        metavar="DAYS",
        help="choose no Python package that an index got within these days",
    )
    parser.add_argument(
        "--max-age",
        type=positive,
        metavar="DAYS",
        help="--check: exit 3 as well when the lock last changed before these days, by git",
    )
    parser.add_argument(
        "--epoch",
        metavar="SECONDS",
        help="set SOURCE_DATE_EPOCH: seconds, or `now` (else it stays as it is)",
    )
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Check the lock, or write it and the requirement files of environments."""
    path = session.root / FILE
    _refuse_idle_flags(arguments)
    if arguments.check:
        return _check(arguments, session, path)
    before, previous = _starting(arguments, session, path)
    require_ours(session)
    settings = _settings(arguments, session)
    resolution = _resolve(arguments, session, previous, settings)
    lock, errors = resolution.lock, resolution.errors
    if errors and not (lock.images or lock.environments or lock.stages):
        return _fail(arguments, session, errors, {})
    rows = _changes(arguments, before, lock, settings)
    text = dump(lock)
    changed = not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text
    if changed:
        atomic_write(path, text.encode())
    written = [FILE] if changed else []
    written += _export(session, lock)
    document = {"written": written, "epoch": lock.epoch, "changes": [asdict(row) for row in rows]}
    if errors:
        return _fail(arguments, session, errors, document)
    _tell(arguments, session, lock, document, rows)
    return 0


def _fail(
    arguments: argparse.Namespace,
    session: Session,
    errors: Sequence[PipelineError],
    document: dict[str, object],
) -> int:
    """Tell what could not be locked, and that the rest is; return the exit code of the first."""
    first, *others = errors
    if document:
        session.console.info("what can be locked is, and the rest keeps what it had")
    for error in others if not arguments.json else ():
        session.console.error(error)
    told = {"errors": [error.document() for error in errors]} if others else {}
    return conclude({**document, **told}, first, session.console, as_json=arguments.json)


def _refuse_idle_flags(arguments: argparse.Namespace) -> None:
    """Raise UsageError for flags that would not do, beside others, what they promise."""
    if arguments.max_age and not arguments.check:
        raise UsageError("`--max-age` needs `--check`", hint="see `pipeline lock --help`")
    for flag in ("update", "min_age", "epoch") if arguments.check else ():
        if getattr(arguments, flag):
            shown = f"--{flag.replace('_', '-')}"
            raise UsageError(f"`--check` chooses nothing, so `{shown}` has no effect beside it")
    if arguments.update and arguments.upgrade:
        raise UsageError("`--upgrade` moves everything, so `--update` has no effect beside it")


def _tell(
    arguments: argparse.Namespace,
    session: Session,
    lock: Lock,
    document: dict[str, object],
    rows: list[Moved],
) -> None:
    from pipeline.cli.lock_changes import lines, pinned  # noqa: PLC0415 - `--check` does without

    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    written = cast("list[str]", document["written"])
    told = [f"wrote {name}" for name in written] or [f"{FILE} is as it was"]
    print("\n".join([*told, *lines(rows)]))
    session.console.info(f"it pins {pinned(lock)}")
    if arguments.resolve_conflict:
        files = " ".join(dict.fromkeys((FILE, *written)))
        session.console.info(f"the conflict is resolved: look at it, then `git add {files}`")


def _starting(
    arguments: argparse.Namespace, session: Session, path: Path
) -> tuple[Lock | None, Lock | None]:
    """Return the lock that changes are told from, and the one that is resolved from."""
    if not arguments.resolve_conflict:
        previous = _previous(path, anew=arguments.upgrade)
        return previous, previous
    from pipeline.locking.conflict import sides  # noqa: PLC0415 - rarely needed
    from pipeline.locking.merging import merged  # noqa: PLC0415

    base, ours, theirs = sides(session.root)
    return ours, merged(base, ours, theirs)


def _settings(arguments: argparse.Namespace, session: Session) -> Settings:
    if not arguments.min_age:
        return session.settings
    from pipeline.locking.age import newest  # noqa: PLC0415 - rarely needed

    if session.settings.suites:
        session.console.info(
            "Debian's archive does not say how old a package is, so `--min-age` holds for Python "
            "packages only"
        )
    return replace(session.settings, newest=newest(arguments.min_age, time.time()))


def _changes(
    arguments: argparse.Namespace, before: Lock | None, lock: Lock, settings: Settings
) -> list[Moved]:
    """Return what moved; nothing for a first lock, in which all is new."""
    if before is None:
        return []
    from pipeline.cli.lock_changes import changes  # noqa: PLC0415 - `--check` does without
    from pipeline.locking.moved import FOLLOWS  # noqa: PLC0415

    follows = MERGED if arguments.resolve_conflict else FOLLOWS
    return changes(before, lock, _update(arguments), settings, follows=follows)


def _update(arguments: argparse.Namespace) -> frozenset[str] | None:
    """Return the names of what is to move; None for everything."""
    return None if arguments.upgrade else frozenset(arguments.update or ())


def _check(arguments: argparse.Namespace, session: Session, path: Path) -> int:
    lock = load(path)
    if arguments.max_age:
        from pipeline.locking.age import require_younger  # noqa: PLC0415 - rarely needed

        require_younger(session.root, arguments.max_age, time.time())
    stale = check(session.pipeline, lock)
    drifted = [
        name
        for name, text in exported(session, lock, offline=True)
        if _differs(session.root / name, text)
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
    except LockError:
        if anew:
            return None
        raise


def _resolve(
    arguments: argparse.Namespace, session: Session, previous: Lock | None, settings: Settings
) -> Resolution:
    from pipeline.execute.fetching import fetch_shown  # noqa: PLC0415 - `--check` does without
    from pipeline.execute.hooks import Asker  # noqa: PLC0415
    from pipeline.execute.logs import Turns  # noqa: PLC0415
    from pipeline.locking.resolve import resolve  # noqa: PLC0415
    from pipeline.stages.generated import files_by_source  # noqa: PLC0415
    from pipeline.stages.inputs import inputs_by_source  # noqa: PLC0415

    asker = Asker(
        engine=session.engine(),
        store=session.store,
        checkout=session.checkout,
        turns=Turns(session.console.speaker(quiet=True)),
        inputs=inputs_by_source(session.pipeline),
        generated=files_by_source(session.pipeline),
    )
    found = resolve(
        session.pipeline,
        previous,
        settings,
        store=session.store,
        run_step=asker,
        epoch=_epoch(arguments.epoch, previous),
        update=_update(arguments),
        say=session.console.info,
        fetch_files=lambda files: fetch_shown(files, session.store, settings, session.console),
    )
    if not settings.newest:
        return found
    return replace(found, errors=tuple(_of_young(error, settings) for error in found.errors))


def _of_young(error: PipelineError, settings: Settings) -> PipelineError:
    """Return an error that says what was left aside, where that may be why."""
    if not isinstance(error, LockError):
        return error
    return LockError(
        error.message,
        where=error.where,
        hint=f"ask for a smaller `--min-age`, or {error.hint}",
        detail=(*error.detail, f"only what indexes got before {settings.newest} was looked at"),
    )


def _epoch(text: str | None, previous: Lock | None) -> int:
    """Return the lock's epoch: what the flag says, else what it was, else the present moment."""
    if text is None and previous is not None:
        return previous.epoch
    if text is None or text == "now":
        return int(time.time())
    if not text.isdecimal():
        raise UsageError(
            f"`--epoch` must be a number of seconds, not `{text}`",
            hint="give seconds since 1970, or `now`",
        )
    return int(text)


def _export(session: Session, lock: Lock) -> list[str]:
    written = []
    for name, text in exported(session, lock, offline=False):
        if _differs(session.root / name, text):
            (session.root / name).parent.mkdir(parents=True, exist_ok=True)
            atomic_write(session.root / name, text.encode())
            written.append(name)
    return written


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text
