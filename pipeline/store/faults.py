"""What the kernel refuses, in words a person can act on.

Every OSError of the store is translated here: a full disk, a read-only file system and missing
permission each have a way out.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager

from pipeline.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ELSEWHERE = "set `PIPELINE_CACHE_DIR` to a directory"
FULL = (errno.ENOSPC, errno.EDQUOT)
HINTS = {
    errno.ENOSPC: f"free space with `pipeline cache prune`, or {ELSEWHERE} on another disk",
    errno.EDQUOT: f"free space with `pipeline cache prune`, or {ELSEWHERE} outside your quota",
    errno.EROFS: f"{ELSEWHERE} that can be written",
    errno.EACCES: f"make it yours (`chown -R`), or {ELSEWHERE} of your own",
    errno.EPERM: f"make it yours (`chown -R`), or {ELSEWHERE} of your own",
    errno.EXDEV: f"the store must lie on one file system; {ELSEWHERE} that does",
}


def store_error(error: OSError, what: str) -> StoreError:
    """Return the StoreError that says ``what`` could not be done, why, and what helps."""
    reason = error.strerror or str(error)
    path = f" (`{error.filename}`)" if error.filename else ""
    hint = HINTS.get(error.errno or 0, f"check the disk, or {ELSEWHERE} on another one")
    return StoreError(f"{what} is not possible: {reason}{path}", hint=hint)


@contextmanager
def guarded(what: str, path: Path | str) -> Iterator[None]:
    """Turn an OSError of the body into a StoreError about ``what`` at ``path``."""
    try:
        yield
    except OSError as error:
        raise store_error(error, f"{what} `{path}`") from error
