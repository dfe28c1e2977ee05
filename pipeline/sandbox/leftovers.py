"""What a step leaves on the host besides its files, and how it is put in order.

An upper is a directory that hostile code has filled: it is walked by descriptor, one name at a
time, without following links.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.sandbox.error import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence


def require_private(upper: str) -> None:
    """Raise SandboxError unless some directory above ``upper`` keeps other users out.

    Inside, a step may set the set-user-id bit on what it writes. It means nothing there, but on
    the host the file would belong to the caller, and who could reach it could become the caller.
    """
    path = os.path.realpath(upper)
    while True:
        try:
            if not os.stat(path).st_mode & 0o011:
                return
        except OSError as error:
            raise SandboxError("open", path, error.errno or 0) from error
        if path == "/":
            break
        path = os.path.dirname(path)
    raise SandboxError(
        "other users could reach what the step writes",
        upper,
        hint=f"keep it in a directory of mode 0700, for example `chmod 0700 {upper}`",
    )


def remove_mount_points(upper: str, made: Sequence[str]) -> None:
    """Remove the mount points that had to be made, where they are as empty as they were."""
    for path in reversed(made):
        with suppress(OSError):
            _remove_empty(upper, path)


def _remove_empty(upper: str, path: str) -> None:
    *parents, name = path.strip("/").split("/")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(upper, flags)
    try:
        for parent in parents:
            below = os.open(parent, flags, dir_fd=here)
            os.close(here)
            here = below
        try:
            os.rmdir(name, dir_fd=here)
        except NotADirectoryError:
            if os.stat(name, dir_fd=here, follow_symlinks=False).st_size == 0:
                os.unlink(name, dir_fd=here)
    finally:
        os.close(here)


def release_work(work: str) -> None:
    """Let ``work`` be used again: a volatile overlay leaves a mark that forbids it.

    The mark warns that a crash of the machine may have lost writes. Who starts another step on the
    same upper within the same run knows that there was none.
    """
    with suppress(FileNotFoundError):
        for name in ("work", "work/incompat", "work/incompat/volatile"):  # made with mode 0
            os.chmod(f"{work}/{name}", 0o700)
        shutil.rmtree(f"{work}/work/incompat")
