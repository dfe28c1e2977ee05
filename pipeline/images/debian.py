"""A Debian layer: packages unpacked together, none of their scripts run.

Documentation that no build reads is left out (`unwanted`), licences stay. Each package's control
file goes to ``/var/lib/dpkg/status.d/NAME``, where scanners of images look for it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.deb import Deb, fields
from pipeline.images.extract import Claims, Extraction
from pipeline.images.root import Root, seal
from pipeline.images.skeleton import MERGED, Layers, finish, placed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.images.tar import Kind

THREADS = 4
STATUS = b"var/lib/dpkg/status.d/"
UNWANTED = tuple(
    b"usr/share/" + name + b"/" for name in (b"doc", b"info", b"lintian", b"locale", b"man")
)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package to unpack: what its control file must say, and the file on this machine."""

    name: str
    version: str
    architecture: str
    path: Path

    @property
    def label(self) -> str:
        """The usual file name, without the epoch's escapes."""
        return f"{self.name}_{self.version}_{self.architecture}.deb"


def unpack(packages: Sequence[Package], directory: Path, lower: Sequence[Path]) -> None:
    """Unpack ``packages`` into the empty ``directory``, as a layer on top of those in ``lower``.

    ``lower`` has the lowest first. The result is the same for any order of the packages. Raises
    VerificationError for a package that is broken, is not what it should be, holds what it must
    not, or has a file that differs in another package.
    """
    claims = Claims()
    # The largest first: a thread that gets one at the end would work on alone.
    queue = sorted(packages, key=lambda package: (-package.path.stat().st_size, package.name))
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(_unpack_one, package, directory, claims) for package in queue]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    claims.settle(directory)
    _check_over(claims, lower)
    finish(directory, lower)
    seal(directory)


def _unpack_one(package: Package, directory: Path, claims: Claims) -> None:
    with Deb(package.path, package.label) as deb, Root(directory) as root:
        control = deb.control()
        _check_identity(package, control)
        Extraction(
            label=package.label, root=root, claims=claims, packed=deb.packed_size, place=place
        ).run(deb.data())
        root.file(STATUS + package.name.encode(), [control.encode()], program=False)


def _check_identity(package: Package, control: str) -> None:
    said = fields(control)
    found = tuple(said.get(name, "") for name in ("Package", "Version", "Architecture"))
    if found != (package.name, package.version, package.architecture):
        raise VerificationError(
            f"`{package.label}` says of itself that it is `{'_'.join(found)}.deb`, "
            "so the lock and the archive do not agree",
            hint="run `pipeline lock`",
        )


def place(path: bytes, kind: Kind) -> bytes | None:
    """Return where a path of a package goes in the layer, None when it is left out."""
    if path in MERGED and kind == "dir":
        return b"usr/" + path
    path = placed(path)
    return None if unwanted(path, kind) else path


def unwanted(path: bytes, kind: Kind) -> bool:
    """Whether a path is documentation or a translation; copyright files are not."""
    if not path.startswith(UNWANTED):
        return False
    # What is kept: /usr/share/doc/PACKAGE, a directory or a link, and its file `copyright`.
    documented = path.startswith(b"usr/share/doc/")
    depth = path.count(b"/")
    if documented and depth == 3:
        return kind == "file"
    return not (documented and depth == 4 and path.endswith(b"/copyright"))


def _check_over(claims: Claims, lower: Sequence[Path]) -> None:
    """Refuse what would hide or be hidden by something else of the layers below."""
    layers = Layers(directories=lower)
    for path, claim in sorted(claims.owners.items()):
        found = layers.kind(path) if lower else None
        if found and (found != "dir" or claim.kind != "dir"):
            raise VerificationError(
                f"`/{path.decode()}` in `{claim.owner}` stands in the image below it already",
                hint="add the package to the image that this one starts from",
            )
