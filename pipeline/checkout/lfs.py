"""Git LFS: files of which git keeps a pointer, and the content lies in a store of its own.

A pointer is text of less than 1,024 bytes with the content's sha256 and size (the project's
``docs/spec.md``), so a commit pins the content, wherever it is kept. Which paths are meant is said
by the attribute ``filter=lfs``.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LONGEST = 1023
"""Bytes of a pointer at most."""

POINTER = re.compile(
    rb"version https?://[^\n]{1,200}\n"
    rb"oid sha256:(?P<sha256>[0-9a-f]{64})\n"
    rb"size (?P<size>[0-9]{1,15})\n?"
)
"""A pointer without extensions; what those do to the content only their programs know."""

VERSION = re.compile(rb"version https?://(git-lfs\.github\.com/spec/|hawser\.github\.com/spec/)")


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What stands for a file; ``sha256`` is empty where extensions changed the content."""

    sha256: str
    size: int


def pointer(path: Path) -> Pointer | None:
    """Return the pointer that a file is, None for any other file."""
    with path.open("rb") as stream:
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST or not VERSION.match(data):
        return None
    match = POINTER.fullmatch(data)
    if match is None:
        return Pointer(sha256="", size=0)
    return Pointer(sha256=match["sha256"].decode(), size=int(match["size"]))


def pointers(root: Path, paths: Sequence[str]) -> dict[str, Pointer]:
    """Return which of a repository's files are pointers that attributes say are meant."""
    attributes = [path for path in paths if path.rpartition("/")[2] == ".gitattributes"]
    if not any(b"lfs" in _content(root / path) for path in attributes):
        return {}
    small = [path for path in paths if _is_small(root / path)]
    found = {path: held for path in small if (held := pointer(root / path))}
    if not found:
        return {}
    given = "".join(f"{path}\0" for path in found).encode()
    command = ("check-attr", "-z", "--stdin", "filter")
    answer = iter(git.rows(git.ask(root, *command, stdin=given)))
    meant = {path for path, _, value in zip(answer, answer, answer, strict=True) if value == "lfs"}
    return {path: held for path, held in found.items() if path in meant}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_small(path: Path) -> bool:
    return not path.is_symlink() and path.is_file() and path.stat().st_size <= LONGEST


def storage(directory: Path) -> Path:
    """Return where a repository with this git directory keeps contents (git-lfs-config(5))."""
    named = git.attempt(directory, "config", "--get", "lfs.storage").stdout.rstrip("\n")
    return directory / (os.path.expanduser(named) or "lfs") / "objects"


def fill(copy: Path, paths: Sequence[str], store: Path) -> None:
    """Replace pointers in a copy by their content, as far as it is in ``store`` and undamaged."""
    for path, held in pointers(copy, paths).items():
        name = held.sha256
        content = store / name[:2] / name[2:4] / name
        if name and content.is_file() and sha256_file(content) == name:
            # Into the file that is there, whose mode is that of the tree.
            shutil.copyfile(content, copy / path)
