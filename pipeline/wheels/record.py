"""RECORD: each file of a wheel with its digest and size, read strictly and written one way.

Recording installed projects (PEP 376, PEP 627) and the binary distribution format: a CSV of path,
``ALGORITHM=DIGEST`` in URL-safe base64 without padding, size; RECORD itself has neither.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.wheels.compress import Data

# "sha256 or better" says the format; these are what hashlib always has of those.
ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
SIGNATURES = ("RECORD.jws", "RECORD.p7s")
"""Files that RECORD must not list, being signatures of it, which PEP 815 abolished."""


class RecordError(ValueError):
    """A RECORD is not one; the message completes "its RECORD ..."."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line: ``digest`` is ``sha256=...`` or empty, ``size`` in bytes, decimal, or empty."""

    path: str
    digest: str = ""
    size: str = ""


def row_of(path: str, data: Data) -> Row:
    """Return the line for a file with this content."""
    return Row(path=path, digest=encoded("sha256", hashlib.sha256(data)), size=str(len(data)))


def encoded(algorithm: str, digest: hashlib._Hash) -> str:
    """Return a digest as RECORD writes it."""
    text = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
    return f"{algorithm}={text}"


def parse(data: Data) -> dict[str, Row]:
    """Return the lines by path; RecordError when it is not UTF-8, not CSV or names a path twice."""
    try:
        text = bytes(data).decode()
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"is not a CSV file in UTF-8: {error}") from error
    rows: dict[str, Row] = {}
    for fields in filter(None, lines):
        if len(fields) != 3:
            raise RecordError(f"has a line with {len(fields)} fields: `{','.join(fields)}`")
        row = Row(path=fields[0], digest=fields[1], size=fields[2])
        if row.path in rows:
            raise RecordError(f"names `{row.path}` twice")
        rows[row.path] = row
    return rows


def render(rows: Iterable[Row]) -> bytes:
    """Return the text: sorted by path, quoted only where CSV needs it, lines end with LF."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        (row.path, row.digest, row.size) for row in sorted(rows, key=lambda row: row.path)
    )
    return text.getvalue().encode()


class Check:
    """Hashes one file piece by piece and says whether its line in RECORD is true."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._algorithm = row.digest.partition("=")[0]
        known = self._algorithm in ALGORITHMS
        self._hash = hashlib.new(self._algorithm) if known else None
        self._size = 0

    def update(self, chunk: Data) -> None:
        """Take the next piece."""
        if self._hash is not None:
            self._hash.update(chunk)
        self._size += len(chunk)

    def fault(self) -> str:
        """Return what is wrong with the line, as words after the file's name, or nothing."""
        if self._hash is None:
            return f"has no sha256 or better in RECORD but `{self._row.digest}`"
        if encoded(self._algorithm, self._hash) != self._row.digest:
            return f"has another {self._algorithm} than RECORD says"
        if self._row.size != str(self._size):
            return f"has {self._size} bytes, RECORD says `{self._row.size}`"
        return ""


def faults_in_names(rows: Mapping[str, Row], names: frozenset[str], record: str) -> Iterator[str]:
    """Yield what RECORD names but the wheel lacks, and the other way round."""
    signatures = {record.replace("RECORD", signature) for signature in SIGNATURES}
    for name in sorted(names - rows.keys() - signatures):
        yield f"`{name}` is in the wheel but not in RECORD"
    for name in sorted(rows.keys() - names):
        yield f"`{name}` is in RECORD but not in the wheel"
    own = rows.get(record)
    if own is not None and (own.digest or own.size):
        yield f"`{record}` has a digest or a size in itself, which cannot be true"
