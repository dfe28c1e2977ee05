"""What was done to publish a release, one line of JSON for each thing, on the disk before the next.

Append only: a line is written and synced before the work it announces and after the work it
vouches for. A run killed while writing leaves half a line, which the next one closes and no one
reads. The index counts more than what stands here (`pipeline.publishing.session.plan`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
from typing import TYPE_CHECKING

from pipeline.errors import ReleaseRefusedError, StoreError
from pipeline.files import fsync_directory, sha256_bytes
from pipeline.publishing.session import Record
from pipeline.store.locks import acquire, release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.publishing.session import Distribution, State

EVENTS = {"started", "sent", "verified"}


class Journal:
    """The journal of one version at one index, while this run alone may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = _read(path)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._stream = open(descriptor, "r+b", buffering=0)  # noqa: SIM115  open as long as we are
        fsync_directory(path.parent)
        if _is_torn(descriptor):
            self._append(b"\n")

    def planned(self, files: Mapping[str, str], commit: str) -> None:
        """Note the release as it is to be: sha256 by file name, and the commit it was made of."""
        self._note(event="planned", commit=commit, files=dict(files))

    def state(self, state: State, why: str = "") -> None:
        """Note where the session stands."""
        self._note(event="state", state=state.value, **({"why": why} if why else {}))

    def file(self, event: str, file: Distribution) -> None:
        """Note what happened to a file: it is ``started``, ``sent`` or ``verified``."""
        if event not in EVENTS:
            raise ValueError(event)
        self._note(event=event, file=file.name, sha256=file.sha256)

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _note(self, **facts: object) -> None:
        now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
        self._append(json.dumps({"time": now, **facts}, sort_keys=True).encode() + b"\n")

    def _append(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._stream.write(data) :]
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise StoreError(
                f"the journal `{self.path}` cannot be written: {error.strerror}, so nothing more "
                "is uploaded",
                hint="make room, then run again: it goes on where it stopped",
            ) from error


@contextlib.contextmanager
def journal(directory: Path, name: str) -> Iterator[Journal]:
    """Open the journal ``name``; ReleaseRefusedError while another run has it."""
    path = directory / f"{name}.jsonl"
    locked = directory / f"{name}.lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = acquire(locked, wait=False)
    except OSError as error:
        raise StoreError(
            f"`{directory}` cannot be used to keep what was published: {error.strerror}",
            hint="let the directory be writable",
        ) from error
    if descriptor is None:
        raise ReleaseRefusedError(
            "another run is publishing this version at this moment",
            hint="wait for its end, then run again: what it uploaded is not uploaded twice",
        )
    try:
        opened = Journal(path)
        try:
            yield opened
        finally:
            opened.close()
    finally:
        release(locked, descriptor)


def recorded(directory: Path, name: str) -> Record:
    """Return what earlier runs noted in the journal ``name``, which stays as it is."""
    return _read(directory / f"{name}.jsonl")


def name_of(version: str, index: str, address: str) -> str:
    """Return the name of the journal of a version at an index, whose address is told by digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", f"{index}-{version}")
    return f"{plain}-{sha256_bytes(address.encode())[:12]}"


def _is_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return bool(size) and os.pread(descriptor, 1, size - 1) != b"\n"


def _read(path: Path) -> Record:
    """Return what earlier runs noted; lines that are none count for nothing."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Record()
    planned: dict[str, str] = {}
    commit = ""
    done: dict[str, dict[str, str]] = {event: {} for event in EVENTS}
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            facts = json.loads(line)
            if facts["event"] == "planned":
                planned = {str(name): str(digest) for name, digest in facts["files"].items()}
                commit = str(facts["commit"])
            elif facts["event"] in EVENTS:
                done[facts["event"]][str(facts["file"])] = str(facts["sha256"])
    return Record(commit=commit, planned=planned, sent=done["sent"], verified=done["verified"])
