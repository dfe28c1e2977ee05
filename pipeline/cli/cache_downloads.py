"""The actions of ``pipeline cache`` on the project's download cache."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from pipeline.cli.outcome import conclude
from pipeline.console import human_size, table
from pipeline.downloads.branches import branch_locks, worktree_locks
from pipeline.downloads.layout import ARTIFACT, places
from pipeline.downloads.names import files_of, release_of, unused
from pipeline.errors import LockError, StoreError, UsageError, VerificationError
from pipeline.execute.fetching import fetch_shown
from pipeline.files import sha256_file
from pipeline.lock.file import FILE, load
from pipeline.locking.adding import newest, release
from pipeline.locking.whole import whole
from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sized

    from pipeline.cli.session import Session
    from pipeline.downloads.directory import Directory
    from pipeline.downloads.place import Place
    from pipeline.lock.types import Lock, LockedFile


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do an action on the download cache; `verify` exits 4 when a file is not what it was."""
    actions = {
        "list": _list,
        "verify": _verify,
        "prune": _prune,
        "add": _add,
        "upgrade": _upgrade,
        "remove": _remove,
    }
    return actions[arguments.action](arguments, session)


def _place(session: Session) -> Place:
    if session.downloads is None:
        raise UsageError(
            "this project has no download cache",
            hint="declare one in `pipeline.yaml`: `project: {download-cache: downloads}`",
        )
    return session.downloads


def _lock(session: Session) -> Lock:
    """Return the lock, fresh or not: packages are added before it can be made anew."""
    return load(session.root / FILE)


def _lock_if_any(session: Session) -> Lock | None:
    """Return the lock; None where there is none yet, or none that can be read.

    Offline, what is added decides what can be locked: it has to come first.
    """
    try:
        return _lock(session)
    except LockError as error:
        session.console.info(f"{error.message}: all that could be needed is added")
        return None


def _named(session: Session) -> tuple[LockedFile, ...]:
    """Return all that the lock names: nothing before there is one."""
    return tuple(whole(_lock(session))) if (session.root / FILE).exists() else ()


def _list(arguments: argparse.Namespace, session: Session) -> int:
    directory = _place(session).readable()
    sizes = {name: (directory.path / name).stat().st_size for name in directory.names()}
    if arguments.json:
        files = [{"name": name, "size": size} for name, size in sizes.items()]
        print(json.dumps({"root": str(directory.path), "files": files}, indent=2))
        return 0
    rows = [(name, human_size(size)) for name, size in sizes.items()]
    rows.append(("all", human_size(sum(sizes.values()))))
    print(directory.path)
    print("\n".join(table(("file", "size"), rows, "lr")))
    return 0


def _verify(arguments: argparse.Namespace, session: Session) -> int:
    directory, named = _place(session).readable(), _named(session)
    damages = directory.damages(named)
    absent = [file for file in named if directory.find(file) is None]
    failure = None
    if damages:
        failure = VerificationError(
            f"the download cache is damaged: {_count(damages)}",
            detail=tuple(f"{damage.name}: {damage.what}" for damage in damages),
            hint="restore them from git; a file that was put there by hand is listed by "
            "`pipeline cache add FILE`",
        )
    elif not arguments.json:
        print(f"{_count(directory.names())} in the download cache, as listed and locked")
        if absent:
            session.console.info(
                f"the lock names {_count(absent)} more: `pipeline cache add --locked` adds "
                "what is not there yet"
            )
    document = {"damages": [asdict(damage) for damage in damages], "absent": len(absent)}
    return conclude(document, failure, session.console, as_json=arguments.json)


def _prune(arguments: argparse.Namespace, session: Session) -> int:
    directory = _place(session).writable()
    refs, locks = _needed(arguments, session)
    kept = {name for lock in locks for file in whole(lock) for name in places(file)}
    doomed = unused(directory, kept)
    size = sum((directory.path / name).stat().st_size for name in doomed)
    directory.remove(doomed)
    session.console.info(f"kept what is checked out, and what the locks of {', '.join(refs)} name")
    _tell(arguments, "removed", doomed, f"{_count(doomed)} removed, {human_size(size)} freed")
    return 0


def _needed(arguments: argparse.Namespace, session: Session) -> tuple[list[str], list[Lock]]:
    """Return the branches that count, and all locks that do, in every checkout that was named."""
    asked = [glob.strip() for glob in (arguments.branches or "").split(",") if glob.strip()]
    globs = asked or session.pipeline.project.branches
    refs, locks = [], [_lock(session)]
    for root in (session.root, *map(_checkout, arguments.also or ())):
        own = root == session.root
        found = branch_locks(root, globs, each=bool(asked) and own)
        refs += sorted(found if own else (f"{root.name}:{ref}" for ref in found))
        locks += [*worktree_locks(root), *(lock for several in found.values() for lock in several)]
    return refs, locks


def _checkout(word: str) -> Path:
    path = Path(word).absolute()
    if not path.is_dir():
        raise UsageError(f"there is no directory `{word}`", hint="`--also` takes a checkout")
    return path


def _add(arguments: argparse.Namespace, session: Session) -> int:
    directory = _place(session).writable()
    if not (arguments.words or arguments.locked or arguments.fork):
        raise UsageError(
            "`pipeline cache add` needs to know what",
            hint="give `NAME==VERSION`, a file, `--locked`, or `--fork DIR --local LABEL`",
        )
    if not arguments.fork and (arguments.local or arguments.image):
        flag = "--local" if arguments.local else "--image"
        raise UsageError(
            f"`{flag}` says how a fork is built, and no fork is", hint="add `--fork DIR`"
        )
    added: list[str] = []
    if arguments.fork:
        from pipeline.cli.cache_fork import build  # noqa: PLC0415 - few actions build

        with session.store.scratch("fork") as scratch:
            for path in build(arguments, session, scratch):
                added += _file(str(path), directory)
    if arguments.locked:
        added += _fetched(whole(_lock(session)), directory, session, kept=True)
    for word in arguments.words:
        if "==" in word and not Path(word).is_file():
            added += _release(word, directory, session)
        else:
            added += _file(word, directory)
    _told(arguments, added)
    return 0


def _upgrade(arguments: argparse.Namespace, session: Session) -> int:
    directory = _place(session).writable()
    added: list[str] = []
    for word in arguments.words:
        name = normal(word)
        for version in newest(name, session.pipeline, _lock(session), session.settings):
            added += _release(f"{name}=={version}", directory, session)
    _told(arguments, added)
    if added:
        names = " ".join(f"--update {word}" for word in arguments.words)
        session.console.info(f"next: `pipeline lock {names}`")
    return 0


def _remove(arguments: argparse.Namespace, session: Session) -> int:
    directory = _place(session).writable()
    named = {name for file in _named(session) for name in places(file)}
    doomed: list[str] = []
    for word in arguments.words:
        name, version = _parsed(word)
        found = files_of(directory, name, version)
        if not found:
            raise UsageError(f"the download cache has no file of `{word}`")
        if used := [file for file in found if file in named]:
            raise LockError(
                f"`{used[0]}` is named by `{FILE}`, so builds still need it",
                hint="lock another version first; later `pipeline cache prune --downloads` removes "
                "what no branch needs",
            )
        doomed += found
    directory.remove(doomed)
    _tell(arguments, "removed", doomed, "\n".join(f"removed {name}" for name in doomed))
    return 0


def _parsed(word: str) -> tuple[str, str]:
    name, _, version = word.partition("==")
    try:
        return normal(name), str(Version(version))
    except InvalidVersion as error:
        raise UsageError(
            f"`{word}` is no release", hint="write it as `NAME==VERSION`, with one exact version"
        ) from error


def _release(word: str, directory: Directory, session: Session) -> list[str]:
    name, version = _parsed(word)
    files = release(name, version, session.pipeline, _lock_if_any(session), session.settings)
    return _fetched(files, directory, session, kept=False)


def _fetched(
    files: Iterable[LockedFile], directory: Directory, session: Session, *, kept: bool
) -> list[str]:
    """Add files by way of the store; ``kept`` says that the cache's own may serve.

    A file without a line, as a killed run leaves it, takes its line.
    """
    files = tuple(files)
    settings = session.settings if kept else session.settings.without_downloads()
    fetch_shown(files, session.store, settings, session.console)
    listed = directory.sums() if kept else {}
    added = []
    for file in files:
        found = directory.find(file) if kept else None
        name = directory.own_name(found) if found else places(file)[0]
        if not (found and name in listed):
            blob = session.store.blob_path(file.sha256)
            added += [name] if directory.put(name, blob, file.sha256) else []
    return sorted(added)


def _file(word: str, directory: Directory) -> list[str]:
    """Add a file that lies here."""
    path = Path(word)
    if not path.is_file():
        raise UsageError(
            f"`{word}` is neither a release `NAME==VERSION` nor a file",
            hint="give an exact version, or the path of a wheel, an sdist or a `.deb`",
        )
    if not ARTIFACT.fullmatch(path.name) or not (
        path.name.endswith(".deb") or release_of(path.name)
    ):
        raise UsageError(
            f"`{path.name}` is no name of a wheel, an sdist (`.tar.gz`) or a Debian package"
        )
    try:
        name = directory.own_name(path)
        return [name] if directory.put(name, path, sha256_file(path)) else []
    except OSError as error:
        raise StoreError(f"`{path}` cannot be read: {error.strerror}") from error


def _count(files: Sized) -> str:
    return "1 file" if len(files) == 1 else f"{len(files)} files"


def _told(arguments: argparse.Namespace, added: list[str]) -> None:
    words = "\n".join(f"added {name}" for name in added) or "all of it was there already"
    _tell(arguments, "added", added, words)


def _tell(arguments: argparse.Namespace, word: str, names: list[str], text: str) -> None:
    print(json.dumps({word: names}, indent=2) if arguments.json else text)
