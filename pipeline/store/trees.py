"""Trees: directories as values, addressed by what they hold.

A tree knows paths, kinds, one mode bit (executable) and content digests. Owners, times and other
mode bits are not part of it, so the same sources give the same digest in every checkout.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pipeline.files import sha256_bytes

Kind = Literal["file", "link", "dir"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One path of a tree.

    ``path`` is relative, POSIX, without ``.`` or ``..``. A file has ``digest`` (sha256), ``size``
    (bytes) and ``executable``; a link has ``target``; a ``dir`` entry stands for an empty
    directory only, since files imply their parents.
    """

    path: str
    kind: Kind = "file"
    digest: str = ""
    size: int = 0
    executable: bool = False
    target: str = ""

    @property
    def mode(self) -> int:
        """The permission bits it is written with: 0644 or 0755."""
        return 0o755 if self.executable or self.kind == "dir" else 0o644


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A sorted tuple of entries."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: list[Entry]) -> Tree:
        """Return the tree of ``entries`` in any order; ValueError when a path stands twice."""
        ordered = tuple(sorted(entries, key=lambda entry: entry.path))
        for before, after in itertools.pairwise(ordered):
            if before.path == after.path:
                raise ValueError(after.path)
        return cls(entries=ordered)

    @cached_property
    def encoded(self) -> bytes:
        """The canonical text: a JSON list with one entry a line."""
        rows = [
            json.dumps(
                [e.path, e.kind, e.digest, e.size, e.executable, e.target], ensure_ascii=False
            )
            for e in self.entries
        ]
        return ("[\n" + ",\n".join(rows) + "\n]\n").encode()

    @cached_property
    def digest(self) -> str:
        """The sha256 of the canonical text."""
        return sha256_bytes(self.encoded)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @classmethod
    def decode(cls, data: bytes) -> Tree:
        """Return the tree of a canonical text; ValueError when it is not one."""
        try:
            rows = json.loads(data)
            entries = tuple(
                Entry(path=p, kind=k, digest=d, size=s, executable=x, target=t)
                for p, k, d, s, x, t in rows
            )
        except (TypeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error
        return cls(entries=entries)
