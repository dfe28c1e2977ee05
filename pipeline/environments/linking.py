"""Environments of hard links: each wheel is unpacked once, and linked wherever it is wanted.

Unpacking and hashing is what takes time. So that everything of a wheel can be linked, its scripts
start the interpreter beside them, wherever that is. The files are read-only, since an edit would
reach every environment that has the wheel.
"""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import sha256_bytes, walk_files
from pipeline.network.workers import gather
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.environments.blueprint import Blueprint, Own
    from pipeline.lock.types import PythonFile
    from pipeline.store.store import Store

KIND = "wheel"
FORMAT = 2
JOBS = 4
PREFIX = "/env"
CONFIGURATION = "pyvenv.cfg"
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


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A wheel that lies unpacked in ``directory`` of the store, and its files."""

    directory: Path
    files: tuple[Entry, ...]

    @classmethod
    def read(cls, directory: Path, store: Store) -> Unpacked:
        """Return what the store has recorded of a directory that `unpacked` gave."""
        tree = Tree.decode(store.directories.record(directory).read_bytes())
        files = (one for one in tree.entries if one.kind == "file" and one.path != CONFIGURATION)
        return cls(directory=directory, files=tuple(files))


def drawn(wheels: Sequence[Unpacked], own: Iterable[Own], packages: str) -> Blueprint:
    """Return the blueprint of an environment of wheels and files of its own.

    ``packages`` is its directory of packages, which is there even if empty. Raises
    VerificationError when a file stands twice.
    """
    own = list(own)
    wheels = list(_once(wheels))
    entries = [*(own_entry(one) for one in own), *(file for one in wheels for file in one.files)]
    try:
        tree = Tree.of(entries)
    except ValueError as error:
        raise _twice(str(error)) from None
    shared = _parents([*(path for path, _, _ in own), f"{packages}/."])
    linked = [_linked(one, frozenset(shared)) for one in wheels]
    links = {path for path, content, _ in own if isinstance(content, str)}
    # A link stands for all that lies behind it: a wheel's files cannot lie there as well.
    if taken := links.intersection(name for _, needed, _ in linked for name in needed):
        raise _twice(min(taken))
    return {
        "own": own,
        "directories": shared,
        "wheels": linked,
        "record": tree.encoded,
    }


def _once(wheels: Iterable[Unpacked]) -> Iterator[Unpacked]:
    """Yield wheels without the files that one before them has with the same bytes."""
    known: set[Entry] = set()
    for wheel in wheels:
        yield Unpacked(
            directory=wheel.directory,
            files=tuple(file for file in wheel.files if file not in known),
        )
        known.update(wheel.files)


def _linked(wheel: Unpacked, there: frozenset[str]) -> tuple[str, list[str], list[str]]:
    names = [file.path for file in wheel.files]
    needed = [one for one in _parents(names) if one not in there]
    return str(wheel.directory), needed, names


def _parents(paths: Iterable[str]) -> list[str]:
    """Return the directories above some paths, parents first."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return sorted(found)


def own_entry(own: Own) -> Entry:
    """Return what a tree has of a file or link of an environment's own."""
    path, content, program = own
    if isinstance(content, str):
        return Entry(path=path, kind="link", target=content)
    digest, size = sha256_bytes(content), len(content)
    return Entry(path=path, digest=digest, size=size, executable=program)


def _loosen(directory: Path) -> None:
    """Let the scripts of a wheel start the interpreter beside them, and its RECORD say so."""
    found = {}
    for path in (directory / "bin").iterdir():
        if not path.is_symlink() and _is_ours(path):
            data = START + path.read_bytes()[len(SHEBANG) :]
            path.write_bytes(data)
            found[path.name] = own_entry((f"bin/{path.name}", data, True))
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
        f"two packages of an environment have the file `{path}`, so neither can be trusted to work",
        hint="leave one of them out",
    )
