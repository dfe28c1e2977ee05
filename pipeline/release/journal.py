"""The journal of a release that is being cut: enough to finish it, or to undo it.

It is ``pipeline/release.json`` in the git directory of the work tree. It is written before the
first thing that others could see and removed after the last, so where it is absent nothing is
half done.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkout import history
from pipeline.checkout.history import Held
from pipeline.errors import ReleaseRefusedError
from pipeline.files import atomic_write, fsync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
NAME, LOCK = "release.json", "release.lock"


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A file of the release: what the parent commit, the index and the new commit hold.

    ``kept`` is a file that a person has changed for this release, so that its content in the work
    tree stays as it is. ``path`` is relative to the root.
    """

    path: str
    before: Held | None
    index: Held | None
    after: Held | None
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A release that is being cut: ``commit`` is made, and ``branch`` is to move from ``parent``.

    ``message`` is the tag's. ``remote`` is where it is being pushed to, empty before that.
    """

    version: str
    tag: str
    branch: str
    parent: str
    commit: str
    message: str
    files: tuple[Touched, ...]
    remote: str = ""


def directory(root: Path) -> Path:
    """Return where the journal lies."""
    return Path(history.git_directory(root)) / "pipeline"


def write(root: Path, journal: Journal) -> None:
    """Write the journal, durably."""
    place = directory(root)
    place.mkdir(exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(journal)}, indent=1)
    atomic_write(place / NAME, text.encode(), mode=0o600)


def read(root: Path) -> Journal | None:
    """Return the journal, None when nothing is half done; ReleaseRefusedError if unreadable."""
    path = directory(root) / NAME
    try:
        document = json.loads(path.read_bytes())
        return _decode(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseRefusedError(
            f"the journal of a release that was being cut cannot be read: {error}",
            where=str(path),
            hint="see with `git log` and `git tag` what was done, then remove the journal",
        ) from error


def _decode(document: dict[str, Any]) -> Journal:
    if document.pop("format") != FORMAT:
        raise ValueError("written by another version of the tool")
    files = tuple(_touched(row) for row in document.pop("files"))
    return Journal(**document, files=files)


def _touched(row: dict[str, Any]) -> Touched:
    names = ("before", "index", "after")
    held = {name: Held(**row[name]) if row[name] else None for name in names}
    return Touched(path=row["path"], kept=row["kept"], **held)


def forget(root: Path) -> None:
    """Remove the journal: the release is cut, or undone."""
    place = directory(root)
    (place / NAME).unlink(missing_ok=True)
    fsync_directory(place)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Let only one process cut or undo a release here; ReleaseRefusedError for a second one."""
    place = directory(root)
    place.mkdir(exist_ok=True)
    descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ReleaseRefusedError(
            "another process is cutting a release here", hint="wait until it has ended"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)
