"""Results: what a key's build gave, one small row of JSON in ``results/ab/KEY``.

A row is written after the tree and blobs it names, so a row that can be read names things that
were there. It carries the sum of its own text: a flipped byte makes it as good as absent.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.store import durable
from pipeline.store.blobs import is_digest
from pipeline.store.faults import guarded
from pipeline.store.sealed import seal, unseal
from pipeline.store.usage import touch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.store.rooms import Room


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a build gave.

    ``tree`` is the digest of its output, ``seconds`` what it took, ``engine`` who did it,
    ``label`` its name for people, ``made`` when (Unix time). ``findings`` are what
    an audit remarked of its one file: level, rule and message each.
    """

    tree: str
    seconds: float
    engine: str
    label: str
    made: float
    findings: tuple[tuple[str, str, str], ...] = ()


class Results:
    """The rows of one store."""

    def __init__(self, root: Path, room: Room) -> None:
        self.root = root
        self._room = room

    def path(self, key: str) -> Path:
        """Return where the row of ``key`` stands; VerificationError for what is no sha256."""
        if not is_digest(key):
            raise VerificationError(
                f"`{key[:80]}` is not a sha256, so it is the key of no result",
                hint="this is a fault of `pipeline` itself: report it",
            )
        return self.root / key[:2] / key

    def read(self, key: str) -> Result | None:
        """Return the row of ``key``; None when it is absent or damaged."""
        path = self.path(key)
        with guarded("reading", path):
            try:
                with open(path, "rb") as stream:
                    touch(path, os.fstat(stream.fileno()))
                    return decode(key, stream.read())
            except FileNotFoundError:
                return None

    def write(self, key: str, result: Result) -> None:
        """Write the row of ``key``, durably, in place of an older one."""
        with guarded("writing the result", self.path(key)):
            self._write(self.path(key), self._room.unused(), encode(key, result))

    def _write(self, path: Path, temporary: Path, row: bytes) -> None:
        temporary.write_bytes(row)
        durable.sync([temporary])
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            durable.sync([self.root])
        os.rename(temporary, path)
        durable.sync([path.parent])

    def all(self) -> Iterator[Path]:
        """Yield every row's file, sorted."""
        yield from sorted(path for path in self.root.glob("*/*") if is_digest(path.name))


def encode(key: str, result: Result) -> bytes:
    """Return the text of a row."""
    return seal(json.dumps({"key": key, **asdict(result)}, sort_keys=True).encode())


def decode(key: str, data: bytes) -> Result | None:
    """Return the result a row's text tells, None when the text is not whole or not of ``key``."""
    line = unseal(data)
    if line is None:
        return None
    row = json.loads(line)
    findings = tuple(tuple(found) for found in row.pop("findings", ()))
    return Result(**row, findings=findings) if row.pop("key") == key else None
