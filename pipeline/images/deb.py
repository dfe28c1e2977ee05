"""Debian binary packages: an ar archive with a control and a data tarball (deb(5)).

Only what deb(5) describes is read: three members in their order, tarballs of the old, ustar and
GNU kinds, compressed with xz, gzip, zstd or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pipeline.errors import VerificationError
from pipeline.images.streams import Buffer, decompressed, region
from pipeline.images.tar import TarReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

MAGIC = b"!<arch>\n"
HEADER = 60
CONTROL_LIMIT = 16 << 20
FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A member of the ar archive, by its place in the file."""

    name: str
    offset: int
    size: int

    @property
    def suffix(self) -> str:
        """The compression, as what follows ``.tar``."""
        return self.name.partition(".tar")[2]


class Deb:
    """An open package. ``label`` names it in errors, all of which are VerificationError."""

    def __init__(self, path: Path, label: str) -> None:
        self.label = label
        self._file: BinaryIO = path.open("rb")
        try:
            self._control, self._data = self._parts()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def packed_size(self) -> int:
        """The bytes of the compressed data tarball."""
        return self._data.size

    def control(self) -> str:
        """Return the text of the file ``control``."""
        text = self._of_control(b"control")
        if text is None:
            raise VerificationError(f"`{self.label}` has no control file")
        return text

    def listed(self) -> tuple[str, ...]:
        """Return the regular files it installs, without a leading slash (deb-md5sums(5)).

        Empty for a package that does not say; nearly all do.
        """
        lines = (self._of_control(b"md5sums") or "").splitlines()
        return tuple(line[34:] for line in lines)

    def _of_control(self, name: bytes) -> str | None:
        """Return the text of a file that goes with ``control``; None when it is not there."""
        tar = self._open(self._control)
        text: str | None = None
        for member in tar:
            if member.path == name and member.kind == "file" and text is None:
                if member.size > CONTROL_LIMIT:
                    raise VerificationError(f"`{self.label}` has a control file of absurd size")
                text = b"".join(tar.content()).decode(errors="replace")
        return text

    def data(self) -> TarReader:
        """Return a reader of the files it installs; valid until the package is closed."""
        return self._open(self._data)

    def _open(self, part: Part) -> TarReader:
        packed = region(self._file, part.offset, part.size)
        return TarReader(Buffer(decompressed(part.suffix, packed, self.label)), self.label)

    def _parts(self) -> tuple[Part, Part]:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise VerificationError(f"`{self.label}` is not a Debian package")
        # Names that begin with `_` may stand between or after the three (deb(5)).
        parts = [part for part in self._members() if not part.name.startswith("_")]
        names = [part.name.partition(".tar")[0] for part in parts]
        if names != ["debian-binary", "control", "data"]:
            found = ", ".join(f"`{part.name}`" for part in parts)
            raise VerificationError(
                f"`{self.label}` does not hold the members of a Debian package but {found}"
            )
        version = b"".join(region(self._file, parts[0].offset, min(parts[0].size, 16)))
        if not version.startswith(b"2."):
            raise VerificationError(f"`{self.label}` is of a package format other than 2.x")
        return parts[1], parts[2]

    def _members(self) -> list[Part]:
        parts: list[Part] = []
        offset = len(MAGIC)
        end = self._file.seek(0, 2)
        while offset < end:
            self._file.seek(offset)
            header = self._file.read(HEADER)
            size = header[48:58].strip(b" ")
            if len(header) < HEADER or header[58:] != b"`\n" or not size.isdigit():
                raise VerificationError(f"`{self.label}` has a broken member header")
            part = Part(
                name=header[:16].decode("ascii", "replace").rstrip(" ").removesuffix("/"),
                offset=offset + HEADER,
                size=int(size),
            )
            if part.offset + part.size > end:
                raise VerificationError(f"`{self.label}` is cut short in `{part.name}`")
            parts.append(part)
            offset = part.offset + part.size + part.size % 2
        return parts


def fields(control: str) -> Mapping[str, str]:
    """Return the first lines of the fields of a control file's only paragraph (deb-control(5))."""
    matches = (FIELD.fullmatch(line) for line in control.splitlines())
    return {match[1]: match[2].rstrip() for match in matches if match}
