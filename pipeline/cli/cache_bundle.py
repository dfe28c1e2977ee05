"""``pipeline cache export`` and ``import``: everything in one file, for a machine without network.

On such a machine `./pipelinew` has to set itself up first; `pipeline.bootstrap` takes the tool's
wheels out of the bundle that the command line names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline
from pipeline.console import human_size
from pipeline.downloads.bundle import TOOL, Bundle, Index, Row, require, row_of, write
from pipeline.errors import LockError, StoreError, UsageError
from pipeline.execute.fetching import fetch_shown
from pipeline.files import sha256_bytes
from pipeline.lock.file import FILE, load
from pipeline.locking.fetch import set_files
from pipeline.locking.whole import fitting, locked_targets, whole
from pipeline.platforms import Target

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session
    from pipeline.console import Progress
    from pipeline.lock.types import PythonFile

PACKAGE = Path(pipeline.__file__).parent
REQUIREMENTS = PACKAGE / "requirements.txt"
ENVIRONMENT = "tool"
"""The environment in the tool's own lock that `./pipelinew` is set up from."""

HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Write a bundle, or take one in."""
    path = Path(arguments.words[0])
    if arguments.action == "export":
        return _export(arguments, session, path)
    return _import(arguments, session, path)


def _export(arguments: argparse.Namespace, session: Session, path: Path) -> int:
    targets = _targets(arguments.platform, session)
    files = whole(session.lock, targets)
    tool = _tool_wheels(targets)
    if not tool:
        session.console.warning(
            "the tool itself is not in the bundle, because it does not run from a clone of its "
            "repository; install it on the other machine by other means"
        )
    fetch_shown(files, session.store, session.settings, session.console)
    # The tool's wheels are not of this project, and its download cache has nothing to do with them.
    fetch_shown(tool, session.store, session.settings.without_downloads(), session.console)
    text = (session.root / FILE).read_bytes()
    session.store.add_blob(text)
    rows = [*_rows(session, targets), *(_tool_row(wheel) for wheel in tool)]
    index = Index(platforms=tuple(target.value for target in targets), rows=tuple(sorted(rows)))
    with _progress("writing", path, index, session) as bar:
        digest = write(path.absolute(), index, session.store, bar.update)
    size = path.stat().st_size
    if arguments.json:
        document = {"path": str(path), "sha256": digest, "size": size, "files": len(rows)}
        print(json.dumps(document, indent=2))
    else:
        print(f"{path}  {len(rows)} files  {human_size(size)}  sha256:{digest}")
    return 0


def _progress(what: str, path: Path, index: Index, session: Session) -> Progress:
    return session.console.progress(f"{what} {path.name}", index.size, human_size)


def _targets(asked: Sequence[str] | None, session: Session) -> tuple[Target, ...]:
    locked = locked_targets(session.lock)
    for name in asked or ():
        if Target(name) not in locked:
            names = ", ".join(target.value for target in locked) or "none"
            raise UsageError(f"nothing is locked for {name}", hint=f"the platforms are {names}")
    return tuple(target for target in locked if not asked or target.value in asked)


def _rows(session: Session, targets: Sequence[Target]) -> list[Row]:
    """Return what a bundle of the present lock has to hold, without the tool; sorted by name."""
    text = (session.root / FILE).read_bytes()
    lock = Row(name=FILE, sha256=sha256_bytes(text), size=len(text))
    return sorted([lock, *map(row_of, whole(session.lock, targets))])


def _tool_wheels(targets: Sequence[Target]) -> tuple[PythonFile, ...]:
    """Return what `./pipelinew` installs, on any Python; nothing where there is no launcher."""
    root = PACKAGE.parent
    if not (root / "pipelinew").is_file() or not (root / FILE).is_file():
        return ()
    environment = load(root / FILE).environments.get(ENVIRONMENT)
    known = _tool_digests()
    files = set_files(environment) if environment else ()
    return tuple(file for file in fitting(files, targets) if file.sha256 in known)


def _tool_digests() -> frozenset[str]:
    return frozenset(HASH.findall(REQUIREMENTS.read_text(encoding="utf-8")))


def _tool_row(wheel: PythonFile) -> Row:
    return Row(name=TOOL + wheel.name, sha256=wheel.sha256, size=wheel.size)


def _import(arguments: argparse.Namespace, session: Session, path: Path) -> int:
    try:
        with path.open("rb") as stream:
            bundle = Bundle(stream, path.name)
            expected = _expected(bundle.index, session, path.name)
            require(bundle.index, expected, _tool_digests(), path.name)
            with _progress("checking", path, bundle.index, session) as bar:
                bundle.check(bar.update)
            with _progress("storing", path, bundle.index, session) as bar:
                files = [row for row in expected if row.name != FILE]
                bundle.store(session.store, files, bar.update)
    except OSError as error:
        raise StoreError(f"the bundle `{path}` cannot be read: {error.strerror}") from error
    if arguments.json:
        print(json.dumps({"files": len(files)}, indent=2))
    else:
        size = human_size(sum(row.size for row in files))
        print(f"{len(files)} files ({size}) are in the cache; nothing else is needed to run")
    return 0


def _expected(index: Index, session: Session, name: str) -> list[Row]:
    """Return what a bundle for its platforms has to hold; LockError when it is of another lock."""
    locked = [target for target in locked_targets(session.lock) if target.value in index.platforms]
    expected = _rows(session, locked)
    own = next(row for row in expected if row.name == FILE)
    if any(row.name == FILE and row.sha256 != own.sha256 for row in index.rows):
        raise LockError(
            f"the bundle `{name}` was made for another `{FILE}` than the one of this checkout",
            hint="check out the commit it was made from, or write it anew with `pipeline cache "
            "export`",
        )
    return expected
