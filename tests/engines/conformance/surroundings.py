"""Directories on disk as cases describe them."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

from tests.engines.conformance.spec import (
    EPOCH,
    Archive,
    File,
    Folder,
    HardLink,
    Link,
    Pattern,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.engines.conformance.spec import Item


def make(directory: Path, items: Mapping[str, Item]) -> Path:
    """Make ``directory`` with these files. Hard links come last, modes of directories after all."""
    directory.mkdir(parents=True)
    late = [path for path, item in items.items() if isinstance(item, HardLink)]
    for path in [*(path for path in items if path not in late), *late]:
        _make(directory, directory / path, items[path])
    for parent, _, _ in os.walk(directory, topdown=False):
        os.utime(parent, (EPOCH - 1000, EPOCH - 1000))
    for path, item in items.items():
        if isinstance(item, Folder):
            (directory / path).chmod(item.mode)
    return directory


def _make(directory: Path, path: Path, item: Item) -> None:
    if isinstance(item, Folder):
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    match item:
        case Link(target):
            path.symlink_to(target)
            os.utime(path, (EPOCH - 1000, EPOCH - 1000), follow_symlinks=False)
        case HardLink(of):
            path.hardlink_to(directory / of)
        case Pattern(size):
            path.write_bytes(noise(size))
            os.utime(path, (EPOCH - 1000, EPOCH - 1000))
        case Archive(name, text):
            _pack(path, name, text.encode())
        case str():
            _write(path, File(text=item))
        case File():
            _write(path, item)


def _write(path: Path, file: File) -> None:
    with path.open("wb") as stream:
        stream.write(file.text.encode(errors="surrogateescape"))
        if file.holes:
            stream.truncate(stream.tell() + file.holes)
    for name, value in file.xattrs:
        os.setxattr(path, name, value.encode())
    path.chmod(file.mode)
    os.utime(path, (file.time, file.time))


def _pack(path: Path, name: str, data: bytes) -> None:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


def noise(size: int) -> bytes:
    """Return bytes that are the same every time and cannot be compressed."""
    return hashlib.shake_256(b"conformance").digest(size)
