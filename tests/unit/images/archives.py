"""Making OCI archives of layouts, as other tools do."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pipeline.images.layer import BLOCK, END, header
from pipeline.images.root import DIRECTORY_MODE, FILE_MODE

if TYPE_CHECKING:
    from pathlib import Path


def write_archive(layout: Path, file: Path) -> None:
    """Write the OCI layout in the directory ``layout`` as a tar to the new file ``file``."""
    with file.open("xb") as stream:
        for path in sorted(layout.rglob("*")):
            name = path.relative_to(layout).as_posix().encode()
            if stat.S_ISDIR(path.lstat().st_mode):
                stream.write(header(name + b"/", b"5", DIRECTORY_MODE, 0, b""))
                continue
            data = path.read_bytes()
            stream.write(header(name, b"0", FILE_MODE, len(data), b"") + data)
            stream.write(bytes(-len(data) % BLOCK))
        stream.write(END)
