"""Files on the host: written whole or not at all, hashed, removed.

Everything that others may read appears by rename from a sibling (`atomic_write`), so that a
reader sees the old file or the new one and a killed writer leaves only a stray temporary name.
"""

from __future__ import annotations

import contextlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Return the lower-case hexadecimal sha256 of ``data``."""
    import hashlib  # noqa: PLC0415 - OpenSSL is more than the rest of a small call

    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the lower-case hexadecimal sha256 of a file's bytes; OSError as `open` raises it."""
    import hashlib  # noqa: PLC0415 - as above

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fsync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable (open(2), fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sibling(path: Path) -> Path:
    """Return an unused name beside ``path`` for what is being written."""
    return path.with_name(f".{path.name[:100]}.{os.urandom(6).hex()}.tmp")


def atomic_write(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` in one step.

    ``durable`` waits for the disk; without it a power cut may lose the new bytes but never mixes
    them with the old.
    """
    temporary = sibling(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        temporary.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        fsync_directory(path.parent)


def remove_tree(directory: Path) -> None:
    """Remove a directory and all below it, read-only directories included; absent is fine.

    Symbolic links are removed, never followed.
    """
    if not os.path.lexists(directory):
        return
    with contextlib.suppress(OSError):
        os.rmdir(directory)
        return
    import shutil  # noqa: PLC0415 (most runs leave nothing, and it loads three compressors)

    _make_writable(directory)
    for parent, names, _ in os.walk(directory):
        for name in names:
            below = os.path.join(parent, name)
            if not os.path.islink(below):
                _make_writable(below)
    shutil.rmtree(directory)


def _make_writable(directory: Path | str) -> None:
    mode = os.lstat(directory).st_mode
    if stat.S_IMODE(mode) & 0o700 != 0o700:
        os.chmod(directory, stat.S_IMODE(mode) | 0o700)


def walk_files(root: Path) -> Iterator[str]:
    """Yield the relative POSIX paths of everything below ``root`` but directories, sorted."""
    pending = [""]
    found: list[str] = []
    while pending:
        relative = pending.pop()
        with os.scandir(root / relative) as entries:
            for entry in entries:
                path = f"{relative}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                else:
                    found.append(path)
    yield from sorted(found)
