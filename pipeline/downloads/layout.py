"""How files are named in a download cache and in a bundle.

Python files lie at the top under their own names, where pip and uv find them (``--find-links``);
Debian's lie at their path in the pool, or at the top as well; what images of registries are made of
has no name but its digest.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, assert_never

from pipeline.lock.types import DebianPackage, ImageBlob, PythonFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.lock.types import LockedFile


BLOBS = "blobs/sha256/"
ARTIFACT = re.compile(rf"[^/]+\.(?:whl|tar\.gz)|(?:.+/)?[^/]+\.deb|{BLOBS}[0-9a-f]{{64}}")


def places(file: LockedFile) -> tuple[str, ...]:
    """Return the paths that a file may have in a download cache; it is added at the first."""
    match file:
        case PythonFile():
            return (file.name,)
        case DebianPackage():
            return (file.path, file.path.rpartition("/")[2])
        case ImageBlob():
            return (BLOBS + file.sha256,)
        case _:
            assert_never(file)


def artifacts(directory: Path) -> Iterator[str]:
    """Yield the paths of all artifacts in a directory; hidden ones and links do not count."""
    for parent, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(parent, name)
            relative = os.path.relpath(path, directory)
            hidden = name.startswith(".") or os.path.islink(path)
            if not hidden and ARTIFACT.fullmatch(relative):
                yield relative
