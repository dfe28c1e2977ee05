"""Environments of hard links: each wheel is unpacked once, and linked wherever it is wanted.

Unpacking and hashing is what takes time. So that everything of a wheel can be linked, its scripts
start the interpreter beside them, wherever that is. The files are read-only, since an edit would
reach every environment that has the wheel.
"""

from __future__ import annotations

import base64
import csv
import io
import os
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import sha256_bytes, walk_files
from pipeline.network.workers import gather
from pipeline.store.derived import hash_open_file
from pipeline.store.scan import scan
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.lock.types import PythonFile
    from pipeline.store.store import Store

KIND = "wheel"
FORMAT = 2
JOBS = 4
PREFIX = "/env"
RECORD = ".dist-info/RECORD"
SHEBANG = f"#!{PREFIX}/bin/python".encode()
"""How scripts begin that the library makes for an environment at `PREFIX`."""

START = b"""#!/bin/sh
''':'; if [ -L "$0" ]; then exec "$(dirname -- "$(readlink -f -- "$0")")/python" "$0" "$@"
else exec "${0%/*}/python" "$0" "$@"; fi
' '''"""
"""How they begin instead: a script of the shell that is a text to Python."""


def unpacked(files: Sequence[PythonFile], store: Store, python: str) -> list[Path]:
    """Return for each wheel the directory in which it lies unpacked, alone in an environment.

    ``python`` is like ``3.11``. Raises VerificationError for a wheel that is broken or unsafe.
    """
    tasks = [partial(_unpacked, file, store, python) for file in files]
    found = gather(tasks, jobs=JOBS)
    for one in found:
        if isinstance(one, Exception):
            raise one
    return [one for one in found if not isinstance(one, Exception)]


def packed(files: Iterable[PythonFile], store: Store, python: str) -> list[PythonFile]:
    """Return the wheels that `unpacked` would have to read from the store."""
    places = ((file, store.directories.path(KIND, _key(file, python))) for file in files)
    return [file for file, path in places if not path.is_dir()]


def _key(file: PythonFile, python: str) -> str:
    return sha256_bytes(f"{FORMAT} {file.sha256} {python}".encode())


def _unpacked(file: PythonFile, store: Store, python: str) -> Path:
    # Imported late: where every wheel is unpacked already, nothing of this is needed.
    from pipeline.execute.provision import checked  # noqa: PLC0415
    from pipeline.images.environment import unpack_wheels  # noqa: PLC0415

    def make(directory: Path) -> None:
        wheel = [(file.name, checked(file, store))]
        unpack_wheels(wheel, directory, python=python, prefix_inside=PREFIX)
        _loosen(directory)
        for name in walk_files(directory):
            path = directory / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o555)

    return store.derived(KIND, _key(file, python), make)


def link(wheels: Sequence[Path], directory: Path, store: Store) -> Tree:
    """Link unpacked wheels into ``directory``, which holds a skeleton.

    Returns what the directory then holds, without directories that are still empty. Raises
    VerificationError when two wheels have a file of the same name.
    """
    before = scan(directory, hash_open_file).entries
    entries = {entry.path: entry for entry in before if entry.kind != "dir"}
    skeleton = frozenset(entries)
    made: set[str] = set()
    for wheel in wheels:
        tree = Tree.decode(store.directories.record(wheel).read_bytes())
        for entry in tree.entries:
            path = entry.path
            if entry.kind != "file" or path in skeleton:
                continue
            if path in entries:
                raise _twice(path)
            entries[path] = entry
            parent = path.rpartition("/")[0]
            if parent not in made:
                _make(f"{directory}/{parent}")
                made.add(parent)
            os.link(f"{wheel}/{path}", f"{directory}/{path}")
    return Tree.of(list(entries.values()))


def _make(directory: str) -> None:
    """Make a directory whose parent mostly stands already."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(directory, exist_ok=True)


def write(directory: Path, name: str, data: bytes, *, program: bool = False) -> Entry:
    """Write a new file of an environment and return what a tree has of it."""
    path = f"{directory}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), 0o755 if program else 0o644)
    return Entry(path=name, digest=sha256_bytes(data), size=len(data), executable=program)


def _loosen(directory: Path) -> None:
    """Let the scripts of a wheel start the interpreter beside them, and its RECORD say so."""
    found = {}
    for path in (directory / "bin").iterdir():
        if not path.is_symlink() and _is_ours(path):
            data = START + path.read_bytes()[len(SHEBANG) :]
            path.unlink()
            found[path.name] = write(directory, f"bin/{path.name}", data, program=True)
    for record in directory.glob(f"lib/*/site-packages/*{RECORD}") if found else ():
        record.write_text(_record(record.read_text(encoding="utf-8"), found), encoding="utf-8")


def _is_ours(script: Path) -> bool:
    """Whether the first line of a script names our interpreter; large programs are not read."""
    with script.open("rb") as stream:
        return stream.read(len(SHEBANG)) == SHEBANG


def _record(text: str, scripts: Mapping[str, Entry]) -> str:
    """Return a RECORD with what the scripts hold now."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        path = next(csv.reader([line]))[0] if line.startswith("../") else ""
        if (name := path.rpartition("/bin/")[2]) in scripts:
            lines[number] = record_line(path, scripts[name])
    return "".join(lines)


def record_line(path: str, entry: Entry | None) -> str:
    """Return a line of RECORD; without an entry that of RECORD itself."""
    digest, size = "", ""
    if entry is not None:
        octets = base64.urlsafe_b64encode(bytes.fromhex(entry.digest)).rstrip(b"=")
        digest, size = f"sha256={octets.decode()}", str(entry.size)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow([path, digest, size])
    return stream.getvalue()


def _twice(path: str) -> VerificationError:
    return VerificationError(
        f"two wheels of an environment have the file `{path}`, so neither can be trusted to work",
        hint="leave one of them out",
    )
