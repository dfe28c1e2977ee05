"""A directory that is filled through descriptors, so that no symbolic link is ever followed.

Path strings below a root one does not trust are how sandboxes and extractors have been escaped
time and again: a link put down first, a file written through it next. Here every directory is
opened by name from its parent's descriptor with O_NOFOLLOW, and every file is made with O_EXCL.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from typing import TYPE_CHECKING, Self

from pipeline.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NOT_A_DIRECTORY = {errno.ENOTDIR, errno.ELOOP}
FILE_MODE = 0o644
PROGRAM_MODE = 0o755
DIRECTORY_MODE = 0o755
SHARED_MODE = 0o1777

TIME = 315_532_800
"""The time of everything in an image: 1980-01-01, the first that a zip archive can hold.

It is a constant and not the lock's epoch, so that cutting a release changes no image.
"""


class Root:
    """Makes files below ``directory``, which exists and belongs to nobody else meanwhile.

    Paths are plain, relative and bytes. Parents are made as needed. One thread uses one root;
    several roots may stand on the same directory. FileExistsError when a name is taken,
    VerificationError when a path leads through something that is not a directory.
    """

    def __init__(self, directory: Path) -> None:
        self._open: list[tuple[bytes, int]] = [(b"", os.open(directory, DIRECTORY))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shrink(0)

    def directory(self, path: bytes, mode: int = DIRECTORY_MODE) -> None:
        """Make a directory, or leave the one that stands there."""
        descriptor = self._descend(path)
        if mode != DIRECTORY_MODE:
            os.fchmod(descriptor, mode)

    def file(
        self,
        path: bytes,
        content: Iterable[bytes | memoryview],
        *,
        program: bool,
        time: int | None = None,
    ) -> str:
        """Write a new file, last changed at ``time`` (Unix), and return the sha256 of its bytes."""
        parent, name = self._parent(path)
        digest = hashlib.sha256()
        descriptor = os.open(name, NEW_FILE, 0o600, dir_fd=parent)
        try:
            for piece in content:
                digest.update(piece)
                _write(descriptor, piece)
            # Set at the end and by descriptor, so that the umask has no say.
            os.fchmod(descriptor, PROGRAM_MODE if program else FILE_MODE)
            if time is not None:
                os.utime(descriptor, (time, time))
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def link(self, path: bytes, target: bytes, *, time: int | None = None) -> None:
        """Make a symbolic link; its target is not looked at."""
        parent, name = self._parent(path)
        os.symlink(target, name, dir_fd=parent)
        if time is not None:
            os.utime(name, (time, time), dir_fd=parent, follow_symlinks=False)

    def adopt(self, path: bytes, file: Path) -> None:
        """Move a file of the same file system here, in the place of one that may stand there."""
        parent, name = self._parent(path)
        os.rename(file, name, dst_dir_fd=parent)

    def hard_link(self, path: bytes, existing: bytes) -> None:
        """Give a file that stands below this root a second name."""
        source, source_name = self._parent(existing)
        # The second descent may close the first directory, hence the duplicate.
        source = os.dup(source)
        try:
            parent, name = self._parent(path)
            os.link(source_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def digest(self, path: bytes) -> str:
        """Return the sha256 of a file's bytes; OSError where there is none."""
        parent, name = self._parent(path)
        with open(os.open(name, OLD_FILE, dir_fd=parent), "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        parent, _, name = path.rpartition(b"/")
        return self._descend(parent), name

    def _descend(self, path: bytes) -> int:
        """Return the descriptor of a directory, keeping open those on the way to it.

        Archives list the files of a directory together, so nearly always it is the last one.
        """
        parts = path.split(b"/") if path else []
        shared = 0
        for part, (name, _) in zip(parts, self._open[1:], strict=False):
            if part != name:
                break
            shared += 1
        self._shrink(shared + 1)
        for part in parts[shared:]:
            self._open.append((part, self._enter(part, path)))
        return self._open[-1][1]

    def _enter(self, name: bytes, path: bytes) -> int:
        parent = self._open[-1][1]
        try:
            return os.open(name, DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _blocked(path, error) from error
        # Where another thread was faster, its directory is opened like any other.
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        except OSError as error:
            raise _blocked(path, error) from error
        os.fchmod(descriptor, DIRECTORY_MODE)
        return descriptor

    def _shrink(self, length: int) -> None:
        while len(self._open) > length:
            os.close(self._open.pop()[1])


def _blocked(path: bytes, error: OSError) -> Exception:
    if error.errno not in NOT_A_DIRECTORY:
        return error
    return VerificationError(
        f"`{path.decode()}` should be a directory but something else stands there"
    )


def _write(descriptor: int, piece: bytes | memoryview) -> None:
    written = os.write(descriptor, piece)
    while written < len(piece):
        written += os.write(descriptor, memoryview(piece)[written:])


def seal(directory: Path) -> None:
    """Give everything below a root the one time that images have; call it when all is written."""
    pending = [os.fsencode(directory)]
    for parent in pending:
        with os.scandir(parent) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    os.utime(entry.path, (TIME, TIME), follow_symlinks=False)
    for parent in reversed(pending):
        os.utime(parent, (TIME, TIME))
