"""The run that has nothing to do, answered before anything is read.

After a run of container stages that succeeded we record every path the run looked at, with its
status (lstat(2)): the tool's own files, declarations, lock, sources, git's index and the outputs.
When the same command comes again and no status moved, its report is printed from the record. So
such a run costs little more than starting Python and one `lstat` a path.

Only what is built in or imported by every interpreter start is imported here. The record is
`marshal` under a checksum, in a directory that is the user's own; one that is damaged, or made by
another Python, is no record.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = 1
MARGIN = 50_000_000
"""Nanoseconds a file must have been left alone before the run began: kernel clocks tick slowly."""

SETTINGS = ("PIPELINE_CACHE_DIR", "PIPELINE_ENGINE")
"""The variables a report depends on. No other is written down: a mirror's may hold a secret."""

Status = tuple[int, int, int, int, int]
Identity = list[object]


def status_of(path: str) -> Status | None:
    """Return what must not move of a path: mode, inode, size, mtime, ctime; None if absent."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def identity(words: list[str]) -> Identity:
    """Return what makes two calls the same: the tool, the words, the place, the settings."""
    named = [os.environ.get(name) for name in SETTINGS]
    return [FORMAT, sys.hexversion, __file__, os.getcwd(), list(words), named]


def record_path(known: Identity) -> str:
    """Return the file of a call's record; two calls may share one, and then overwrite it."""
    cache = cache_directory(os.environ)
    return f"{cache}/noop/{zlib.crc32(marshal.dumps(known, 2)):08x}"


def cache_directory(environ: Mapping[str, str]) -> str:
    """Return the store's directory: PIPELINE_CACHE_DIR, else below XDG's cache directory."""
    if named := environ.get("PIPELINE_CACHE_DIR"):
        return os.path.abspath(named)
    base = environ.get("XDG_CACHE_HOME") or environ.get("HOME", "/") + "/.cache"
    return f"{base}/pipeline"


def forget(root: str, older_than: float) -> None:
    """Remove the records of the store at ``root`` from before a moment (Unix time)."""
    for name in os.listdir(f"{root}/noop") if os.path.isdir(f"{root}/noop") else ():
        path = f"{root}/noop/{name}"
        if os.lstat(path).st_mtime < older_than:
            os.unlink(path)


def recorded(words: list[str]) -> dict[str, object] | None:
    """Return the report of a call whose outcome would be the same again, else None."""
    known = identity(words)
    try:
        with open(record_path(known), "rb") as stream:
            data = stream.read()
        if len(data) < 4 or zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
            return None
        stored, watched, report = marshal.loads(data[4:])  # noqa: S302 - our own, under a checksum
    except (OSError, ValueError, EOFError, TypeError):
        return None
    if stored != known or any(status_of(path) != status for path, status in watched):
        return None
    return report if isinstance(report, dict) else None


def record(
    words: list[str],
    report: dict[str, object],
    *,
    inputs: Iterable[str],
    outputs: Iterable[str],
    began: int,
) -> None:
    """Remember a call's report, unless an input moved less than a moment before ``began``.

    ``inputs`` may be absent paths: that they stay absent is then part of the record. ``began`` is
    the run's start in nanoseconds of the epoch. The store's directory must exist.
    """
    known = identity(words)
    watched = [(path, status_of(path)) for path in dict.fromkeys(inputs)]
    if any(status and max(status[3:]) > began - MARGIN for _, status in watched):
        return
    watched += [(path, status_of(path)) for path in outputs]
    body = marshal.dumps([known, watched, report], 2)
    path = record_path(known)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(zlib.crc32(body).to_bytes(4, "big") + body)
        os.rename(temporary, path)
    except OSError:
        return  # the next run will look for itself
