"""What wheels put into an environment, read before they are fetched: two of one path are told.

Pip installs one over the other, and what is imported then depends on the order (`opencv-python`
beside `opencv-python-headless`). A wheel's RECORD names its files with their digests, and stands at
its end. Of a wheel that is not at hand only that end is asked for; the answer is kept in the
store. Where a server gives no parts of files, or is not reached, unpacking finds it.
"""

from __future__ import annotations

import configparser
import http.client
import io
import json
import posixpath
import zipfile
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import LockError, PipelineError
from pipeline.files import sha256_bytes
from pipeline.network.addresses import local_path
from pipeline.network.workers import gather
from pipeline.wheels import record
from pipeline.wheels.record import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.lock.types import PythonFile
    from pipeline.locking.context import Context
    from pipeline.network.transport import Client

KIND = "wheel-contents"
FORMAT = 1
PIECE = 256 << 10
"""How much is asked for at a time: the end of all but the largest wheels."""

SHOWN = 3
PROGRAMS = ("console_scripts", "gui_scripts")


def require_apart(context: Context, files: Sequence[PythonFile], label: str, where: str) -> None:
    """Raise LockError where two wheels of one set hold the same path with different bytes."""
    contents = gather(
        [partial(_contents, context, file) for file in files], jobs=context.settings.jobs
    )
    owners: dict[str, tuple[str, str]] = {}
    clashes: dict[tuple[str, str], list[str]] = {}
    for file, found in zip(files, contents, strict=True):
        if isinstance(found, PipelineError) or found is None:
            continue
        if isinstance(found, Exception):
            raise found
        name = file.name.partition("-")[0]
        for path, digest in found.items():
            other, known = owners.setdefault(path, (name, digest))
            if other != name and known != digest:
                clashes.setdefault((other, name), []).append(path)
    for (one, other), paths in clashes.items():
        shown = ", ".join(f"`{path}`" for path in sorted(paths)[:SHOWN])
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        raise LockError(
            f"{label} holds `{one}` and `{other}`, which both install {shown}{more}, so neither "
            "can be trusted to work",
            where=where,
            hint="leave one of them out, or put them into environments of their own",
        )


def _contents(context: Context, file: PythonFile) -> Mapping[str, str] | None:
    """Return the paths that a wheel installs with a digest for each; None where nobody tells."""

    def make(directory: Path) -> None:
        found = _read(context, file)
        if found is None:
            raise LookupError(file.name)
        (directory / "paths.json").write_text(json.dumps(found), encoding="utf-8")

    key = sha256_bytes(f"{FORMAT} {file.sha256}".encode())
    try:
        kept = context.store.derived(KIND, key, make)
        found: dict[str, str] = json.loads((kept / "paths.json").read_text(encoding="utf-8"))
    except (LookupError, OSError, ValueError, zipfile.BadZipFile, PipelineError):
        return None
    return found


def _read(context: Context, file: PythonFile) -> dict[str, str] | None:
    if context.store.has_blob(file.sha256):
        with zipfile.ZipFile(context.store.blob_path(file.sha256)) as archive:
            return paths(archive)
    for address in context.index.addresses(file.name, file.sha256):
        if local := local_path(address):
            with zipfile.ZipFile(local) as archive:
                return paths(archive)
        if not context.settings.offline:
            remote = io.BufferedReader(Remote(context.index.client, address, file.size), PIECE)
            with remote, zipfile.ZipFile(remote) as archive:
                return paths(archive)
    return None


def paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return what a wheel installs, by path below the environment, with a digest for each.

    Programs are among it, with what they stand for. Raises ValueError, KeyError or BadZipFile for
    what is no wheel.
    """
    names = archive.namelist()
    info = next(name for name in names if name.endswith(".dist-info/RECORD")).rpartition("/")[0]
    try:
        rows = record.parse(archive.read(f"{info}/RECORD"))
    except RecordError as error:
        raise ValueError(str(error)) from error
    found = {
        _installed(path): row.digest
        for path, row in rows.items()
        if not path.startswith(f"{info}/") and not path.endswith("/")
    }
    if f"{info}/entry_points.txt" in names:
        parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        parser.read_string(archive.read(f"{info}/entry_points.txt").decode())
        for group in PROGRAMS:
            rows_of = parser.items(group) if parser.has_section(group) else ()
            found |= {f"bin/{name}": value for name, value in rows_of}
    return found


def _installed(path: str) -> str:
    """Return where a member of a wheel goes, below the environment."""
    top, _, rest = path.partition("/")
    if not top.endswith(".data"):
        return f"site-packages/{path}"
    scheme, _, below = rest.partition("/")
    place = {"purelib": "site-packages", "platlib": "site-packages", "scripts": "bin", "data": ""}
    return posixpath.join(place.get(scheme, scheme), below)


class Remote(io.RawIOBase):
    """A file of a server, of which parts are read."""

    def __init__(self, client: Client, address: str, size: int) -> None:
        super().__init__()
        self._client = client
        self._address = address
        self._size = size
        self._at = 0
        self._end = b""

    def readable(self) -> bool:
        """See `io.IOBase.readable`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase.seekable`."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.IOBase.seek`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        """See `io.RawIOBase.readinto`; LookupError where the server sends something else."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        first = max(0, self._size - PIECE)
        if self._at >= first:
            self._end = self._end or self._ask(first, self._size)
            data = self._end[self._at - first : end - first]
        else:
            data = self._ask(self._at, end)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _ask(self, start: int, end: int) -> bytes:
        wanted = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}

        def ask() -> bytes:
            with self._client.open(self._address, wanted) as response:
                if response.status != http.client.PARTIAL_CONTENT:
                    raise LookupError(self._address)
                return response.read(end - start)

        return self._client.retrying(ask, self._address)
