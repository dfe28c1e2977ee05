"""From a tree to a directory: real files, checked while they are copied.

The tree may come from elsewhere, so its paths are not trusted: every directory is made here, by
name, once, and every file is made new, so that no link of the tree is ever walked through.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.files import CHUNK, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.blobs import Blobs
    from pipeline.store.trees import Entry, Tree

MODE = 0o755
"""Of directories; set again after making them, which the umask had a say in."""


class Unpacker:
    """Writes one tree below one new or empty directory, with times of ``epoch`` (Unix seconds)."""

    def __init__(self, blobs: Blobs, destination: Path, epoch: int) -> None:
        self._blobs = blobs
        self._base = str(destination)
        self._times = (epoch * 10**9, epoch * 10**9)
        self._made = {""}

    def unpack(self, tree: Tree) -> None:
        """Write every entry, then the times of directories, which writing into them moved."""
        _make_base(self._base)
        for entry in tree.entries:
            parent = _checked_path(entry.path).rpartition("/")[0]
            if parent not in self._made:
                self._directory(parent)
            self._entry(entry)
        for made in sorted(self._made, reverse=True):
            os.utime(f"{self._base}/{made}", ns=self._times)

    def _directory(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self._made:
            self._directory(parent)
        try:
            _make_directory(f"{self._base}/{path}")
        except FileExistsError as error:
            raise _clash(path) from error
        self._made.add(path)

    def _entry(self, entry: Entry) -> None:
        path = f"{self._base}/{entry.path}"
        if entry.kind == "dir":
            if entry.path not in self._made:
                self._directory(entry.path)
            return
        try:
            if entry.kind == "link":
                os.symlink(entry.target, path)
                os.utime(path, ns=self._times, follow_symlinks=False)
            else:
                self._file(entry, path)
        except FileExistsError as error:
            raise _clash(entry.path) from error

    def _file(self, entry: Entry, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._blobs.open_file(entry.digest) as blob:
            target = os.open(path, flags, 0o600)
            try:
                if not _copy(blob.fileno(), target, entry.digest):
                    raise self._blobs.damaged(entry.digest)
                os.fchmod(target, entry.mode)
                os.utime(target, ns=self._times)
            finally:
                os.close(target)


def _make_base(path: str) -> None:
    """Make the destination; one that is there already must be an empty directory."""
    if os.path.isdir(path) and not os.listdir(path):
        os.chmod(path, MODE)
    else:
        _make_directory(path)


def _make_directory(path: str) -> None:
    os.mkdir(path, MODE)
    os.chmod(path, MODE)


def _checked_path(path: str) -> str:
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise VerificationError(
            f"the stored tree holds the path {path!r}, which could lead out of its directory",
            hint="remove the damaged result with `pipeline cache verify`",
        )
    return path


def _clash(path: str) -> VerificationError:
    return VerificationError(
        f"the stored tree holds `{path}` twice, or below something that is no directory",
        hint="remove the damaged result with `pipeline cache verify`",
    )


def _copy(source: int, target: int, digest: str) -> bool:
    """Copy a file between descriptors and return whether its bytes have ``digest``.

    Small files are read once. Large ones are hashed, then copied by the kernel, which shares the
    blocks where the file system can (copy_file_range(2)).
    """
    data = os.read(source, CHUNK)
    if len(data) < CHUNK:
        _write(target, data)
        return sha256_bytes(data) == digest
    found = hashlib.sha256(data)
    while data := os.read(source, CHUNK):
        found.update(data)
    os.lseek(source, 0, os.SEEK_SET)
    _copy_in_kernel(source, target)
    return found.hexdigest() == digest


def _copy_in_kernel(source: int, target: int) -> None:
    with suppress(OSError):
        while os.copy_file_range(source, target, 1 << 30):
            pass
    # Where the call is not supported (between two kinds of file system) nothing was copied yet,
    # and elsewhere nothing is left: both offsets stand where the copying stopped.
    while data := os.read(source, CHUNK):
        _write(target, data)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
