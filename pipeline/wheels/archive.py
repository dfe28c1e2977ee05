"""What wheels and sdists have in common: which names and sizes we accept, how files appear.

Two readers must never see two contents in one archive, on any file system. So a name is refused
when it could leave the directory it is unpacked into, when it would not print as it is, or when it
is the same as another one to a file system that folds case or normalises Unicode.
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import StoreError, VerificationError
from pipeline.files import fsync_directory, sibling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

MIB = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may ask of us; all sizes in bytes.

    A member may unpack to ``ratio`` times its packed size once it is larger than ``ratio_from``.
    """

    members: int = 0xFFFF
    member: int = 0xFFFF_FFFE
    unpacked: int = 8 << 30
    ratio: int = 250
    ratio_from: int = 16 * MIB


LIMITS = Limits()


def refusal(archive: Path, sentence: str, *, hint: str = "") -> VerificationError:
    """Return the error that refuses ``archive``; ``sentence`` names the member and the reason."""
    return VerificationError(
        f"`{archive.name}` is refused: {sentence}",
        hint=hint or "build it again, or get it again from where it comes from",
    )


def fault_in_name(name: str) -> str:
    """Return why ``name`` may not stand in an archive, or nothing when it may."""
    parts = name.split("/")
    longest = max(len(part.encode(errors="surrogatepass")) for part in parts)
    faults = {
        "is an absolute path": name.startswith("/") or bool(_DRIVE.match(name)),
        "has a `..` in it": ".." in parts,
        "has an empty or `.` part": "" in parts or "." in parts,
        "has a backslash, which some systems read as a separator": "\\" in name,
        "has control or invisible characters": not name.isprintable(),
        "is longer or deeper than file systems bear": (
            longest > 255 or len(name) > 1024 or len(parts) > 64
        ),
    }
    return next((fault for fault, found in faults.items() if found), "")


def shown(name: str) -> str:
    """Return ``name`` for a message: in backticks, what would not print escaped."""
    return f"`{name}`" if name.isprintable() else f"`{ascii(name)[1:-1]}`"


def check_names(archive: Path, files: Iterable[str], directories: Iterable[str] = ()) -> None:
    """Refuse bad names and any two that one file system might take for the same."""
    taken: dict[str, str] = {}
    for name in files:
        fault = fault_in_name(name)
        if fault:
            raise refusal(archive, f"the name {shown(name)} {fault}")
        before = taken.setdefault(_folded(name), name)
        if before is not name:
            raise refusal(archive, _collision(before, name))
    _check_parents(archive, taken, directories)


def _check_parents(archive: Path, files: dict[str, str], directories: Iterable[str]) -> None:
    parents: dict[str, str] = {}
    for name in (*(f"{directory}/" for directory in directories), *files.values()):
        parent = name.rpartition("/")[0]
        while parent and parents.get(_folded(parent)) != parent:
            fault = fault_in_name(parent)
            if fault:
                raise refusal(archive, f"the name {shown(parent)} {fault}")
            if _folded(parent) in files:
                raise refusal(archive, f"{shown(parent)} is a file and a directory in it")
            before = parents.setdefault(_folded(parent), parent)
            if before != parent:
                raise refusal(archive, _collision(before, parent))
            parent = parent.rpartition("/")[0]


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _collision(before: str, name: str) -> str:
    if before == name:
        return f"the name `{name}` stands twice in it"
    return f"`{before}` and `{name}` are one file on a file system that folds case or Unicode"


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose bytes appear as ``path``, mode 0644, when all were written.

    Raises StoreError when they cannot be; nothing is left behind then.
    """
    temporary = sibling(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        temporary.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        raise StoreError(
            f"`{path}` cannot be written: {error.strerror}",
            hint="check the free space and the permissions of its directory",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
