"""What wheels and sdists have in common: which names and sizes we accept, how files appear.

Two readers must never see two contents in one archive. So a name is refused when it could leave the
directory it is unpacked into, when it controls a terminal, or when it stands there twice. What only
some file systems cannot hold is for the audit to say (`pipeline.wheels.contents`).
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
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


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
    """Return why ``name`` may not stand in an archive, or nothing when it may.

    Windows reads a backslash as a separator, so nothing may leave the directory by one either.
    """
    readings = (name, name.replace("\\", "/"))
    parts = name.split("/")
    longest = max(len(part.encode(errors="surrogatepass")) for part in parts)
    faults = {
        "is an absolute path": any(n.startswith("/") or _DRIVE.match(n) for n in readings),
        "has a `..` in it": any(".." in n.split("/") for n in readings),
        "has an empty or `.` part": "" in parts or "." in parts,
        "has control characters, or is not UTF-8": bool(_CONTROL.search(name)),
        "is longer or deeper than file systems bear": (
            longest > 255 or len(name) > 1024 or len(parts) > 64
        ),
    }
    return next((fault for fault, found in faults.items() if found), "")


def shown(name: str) -> str:
    """Return ``name`` for a message: in backticks, what would not print escaped."""
    return f"`{name}`" if name.isprintable() else f"`{ascii(name)[1:-1]}`"


def check_names(archive: Path, files: Iterable[str], directories: Iterable[str] = ()) -> None:
    """Refuse bad names, a name that stands twice, and a file that is a directory too."""
    names: set[str] = set()
    for name in files:
        _check_name(archive, name)
        if name in names:
            raise refusal(archive, f"the name {shown(name)} stands twice in it")
        names.add(name)
    parents: set[str] = set()
    for name in (*(f"{directory}/" for directory in directories), *names):
        parent = name.rpartition("/")[0]
        while parent and parent not in parents:
            _check_name(archive, parent)
            if parent in names:
                raise refusal(archive, f"{shown(parent)} is a file and a directory in it")
            parents.add(parent)
            parent = parent.rpartition("/")[0]


def _check_name(archive: Path, name: str) -> None:
    if fault := fault_in_name(name):
        raise refusal(archive, f"the name {shown(name)} {fault}")


def folded_name(name: str) -> str:
    """Return what a name is to a file system that folds case and normalises Unicode."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


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
