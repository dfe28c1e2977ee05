"""One wheel into a prefix, as an installer would, by `installer`'s reading of the specification.

The library decides which file goes where and makes the scripts; what is read from the archive and
how it is written is ours: names are checked before anything is written, files are made through
descriptors, bytecode is left out, and the same wheels give the same bytes.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import posixpath
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

import installer
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import Hash, RecordEntry
from installer.scripts import Script
from installer.sources import WheelFile
from installer.utils import Scheme, construct_record_file, fix_shebang

from pipeline.errors import VerificationError
from pipeline.images.names import plain, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from installer.scripts import ScriptSection
    from installer.sources import WheelContentElement

    from pipeline.images.root import Root

CHUNK = 1 << 20
MEMBER_LIMIT = 200_000
SIZE_LIMIT = 16 << 30
RATIO_LIMIT = 500
RATIO_FREE = 64 << 20
BYTECODE = "__pycache__"
METADATA = {"INSTALLER": b"pipeline\n"}


def install_wheel(
    name: str,
    path: Path,
    root: Root,
    *,
    schemes: Mapping[str, str],
    interpreter: str,
    scripts: bool = True,
) -> None:
    """Unpack the wheel at ``path``, whose file name is ``name``, below ``root``.

    ``schemes`` maps ``purelib``, ``platlib``, ``scripts``, ``data`` and ``headers`` to directories
    relative to the root; ``interpreter`` goes into the first line of scripts, which are left out
    when ``scripts`` is false. Raises VerificationError for a wheel that is broken, unsafe, or has
    a file that another one put there before.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            archive.filename = name
            check_members(name, archive, path.stat().st_size)
            destination = _Destination(name, root, schemes, interpreter, scripts=scripts)
            installer.install(_Source(archive), destination, METADATA)
    # The library asserts where an entry point cannot be parsed.
    except (InstallerError, configparser.Error, AssertionError, ValueError, KeyError) as error:
        reason = str(error) or "its metadata cannot be read"
        raise VerificationError(f"the wheel `{name}` is malformed: {reason}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise VerificationError(f"the wheel `{name}` cannot be unpacked: {error}") from error


def check_members(name: str, archive: zipfile.ZipFile, packed: int) -> None:
    """Refuse an archive with names that lead elsewhere, links, duplicates or absurd sizes.

    ``packed`` is the size of the archive in bytes. Raises VerificationError with the member.
    """
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > MEMBER_LIMIT or total > min(
        SIZE_LIMIT, max(RATIO_FREE, RATIO_LIMIT * packed)
    ):
        raise VerificationError(
            f"the wheel `{name}` would unpack to {len(members)} files of {total} bytes, "
            "which is absurd"
        )
    seen: set[bytes] = set()
    for member in members:
        path = _checked(name, member)
        if path in seen:
            raise refusal(name, member.orig_filename, "stands in it twice")
        seen.add(path)


def _checked(name: str, member: zipfile.ZipInfo) -> bytes:
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise refusal(name, member.orig_filename, "is a link or device")
    # zipfile cuts names at a NUL and turns backslashes; what it was given is what counts.
    if member.orig_filename != member.filename or "\\" in member.orig_filename:
        raise refusal(name, member.orig_filename, "is not a plain path")
    try:
        return plain(member.filename.encode())
    except ValueError as error:
        raise refusal(name, member.filename, str(error)) from error


def refusal(name: str, member: str, what: str) -> VerificationError:
    """Return the error for a member that may not be there."""
    named = shown(member.encode(errors="surrogatepass"))
    return VerificationError(f"`{named}` in `{name}` {what}, so the wheel is refused")


class _Source(WheelFile):
    """A wheel without the bytecode that it should not hold."""

    def get_contents(self) -> Iterator[WheelContentElement]:
        for element in super().get_contents():
            (path, _, _), _, _ = element
            if BYTECODE not in path.split("/"):
                yield element


class _Destination(WheelDestination):
    """Writes through a `Root`; paths in RECORD are relative to the packages' directory."""

    def __init__(
        self,
        wheel: str,
        root: Root,
        schemes: Mapping[str, str],
        interpreter: str,
        *,
        scripts: bool,
    ) -> None:
        self._wheel = wheel
        self._root = root
        self._schemes = schemes
        self._interpreter = interpreter
        self._scripts = scripts

    def write_script(
        self, name: str, module: str, attr: str, section: ScriptSection
    ) -> RecordEntry:
        file, data = Script(name, module, attr, section).generate(self._interpreter, "posix")
        return self._write(Scheme("scripts"), file, [data], program=True)

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - the library's signature
    ) -> RecordEntry:
        if scheme != "scripts":
            return self._write(scheme, str(path), _pieces(stream), program=is_executable)
        with fix_shebang(stream, self._interpreter) as fixed:
            return self._write(scheme, str(path), _pieces(fixed), program=True)

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],
    ) -> None:
        packages = self._schemes[scheme]

        def prefix(other: Scheme) -> str | None:
            directory = self._schemes[other]
            return None if directory == packages else posixpath.relpath(directory, packages) + "/"

        kept = [row for row in records if self._scripts or row[0] != "scripts"]
        with construct_record_file(kept, prefix) as stream:
            self._write(scheme, record_file_path, _pieces(stream), program=False)

    def _write(
        self, scheme: Scheme, path: str, content: Iterable[bytes], *, program: bool
    ) -> RecordEntry:
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in content:
                size += len(piece)
                yield piece

        if scheme == "scripts" and not self._scripts:
            return RecordEntry(path, None, None)
        try:
            below = plain(path.encode()).decode()
            place = posixpath.normpath(f"{self._schemes[scheme]}/{below}").encode()
            try:
                digest = self._root.file(place, counted(), program=program)
            except FileExistsError as error:  # wheels may share an empty `__init__.py`
                digest = hashlib.sha256(b"".join(counted())).hexdigest()
                if self._there(place) != digest:
                    why = "was put there by another wheel before, with other bytes"
                    raise refusal(self._wheel, path, why) from error
        except (ValueError, IsADirectoryError) as error:
            raise refusal(self._wheel, path, "is no name for a file") from error
        encoded = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
        return RecordEntry(path, Hash("sha256", encoded), size)

    def _there(self, place: bytes) -> str:
        """Return the digest of a file that was there before; nothing for a link or a directory."""
        try:
            return self._root.digest(place)
        except OSError:
            return ""


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece
