"""File names of wheels and sdists: read, checked, and written the one way the standards give.

Binary distribution format, file name convention (name and version normalised, each tag component
sorted); source distribution format (PEP 625); PEP 440, 503 and 425 through ``packaging``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pipeline.errors import VerificationError

if TYPE_CHECKING:
    from packaging.version import Version


@dataclass(frozen=True, kw_only=True)
class SdistName:
    """The name of an sdist: ``name`` lower case with underscores, ``version`` as PEP 440 has it."""

    name: str
    version: str

    @property
    def stem(self) -> str:
        """``NAME-VERSION``, also the single directory inside."""
        return f"{self.name}-{self.version}"

    @property
    def file_name(self) -> str:
        """The one right file name."""
        return f"{self.stem}.tar.gz"


@dataclass(frozen=True, kw_only=True)
class WheelName:
    """The name of a wheel; tag components are sorted and have no duplicates."""

    name: str
    version: str
    build: str
    pythons: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]

    @property
    def stem(self) -> str:
        """``NAME-VERSION``, from which the names of the ``.dist-info`` and ``.data`` follow."""
        return f"{self.name}-{self.version}"

    @property
    def dist_info(self) -> str:
        """The name of the metadata directory."""
        return f"{self.stem}.dist-info"

    @property
    def data(self) -> str:
        """The name of the directory for files that go elsewhere."""
        return f"{self.stem}.data"

    @property
    def compressed_tag(self) -> str:
        """The tags as the file name has them."""
        return "-".join(".".join(part) for part in (self.pythons, self.abis, self.platforms))

    @property
    def tags(self) -> tuple[str, ...]:
        """Every single tag, sorted, such as ``cp311-abi3-manylinux_2_17_x86_64``."""
        tags = itertools.product(self.pythons, self.abis, self.platforms)
        return tuple(sorted("-".join(tag) for tag in tags))

    @property
    def file_name(self) -> str:
        """The one right file name."""
        build = f"-{self.build}" if self.build else ""
        return f"{self.stem}{build}-{self.compressed_tag}.whl"


def parse_wheel_name(file_name: str) -> WheelName:
    """Return what a wheel's file name says; VerificationError when it is not one."""
    try:
        name, version, build, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename as error:
        raise _not_a_name(file_name, "wheel", error) from error
    components = file_name.removesuffix(".whl").lower().rsplit("-", 3)[1:]
    pythons, abis, platforms = (tuple(sorted(set(part.split(".")))) for part in components)
    return WheelName(
        name=escaped(name),
        version=str(version),
        build="".join(str(part) for part in build),
        pythons=pythons,
        abis=abis,
        platforms=platforms,
    )


def parse_sdist_name(file_name: str) -> SdistName:
    """Return what an sdist's file name says; VerificationError when it is not one."""
    if not file_name.endswith(".tar.gz"):
        raise VerificationError(
            f"`{file_name}` is no sdist: since PEP 625 its name ends with `.tar.gz`",
            hint="build it with a current backend",
        )
    try:
        name, version = parse_sdist_filename(file_name)
    except InvalidSdistFilename as error:
        raise _not_a_name(file_name, "sdist", error) from error
    return SdistName(name=escaped(name), version=str(version))


def escaped(name: str) -> str:
    """Return a project's name as file names have it: PEP 503, with underscores."""
    return canonicalize_name(name).replace("-", "_")


def same_stem(left: str, right: str) -> bool:
    """Tell whether two ``NAME-VERSION`` mean the same project and version."""
    try:
        return _meaning(left) == _meaning(right)
    except ValueError:  # no name or version, or a number of more digits than Python reads
        return False


def _meaning(stem: str) -> tuple[str, Version]:
    return parse_sdist_filename(f"{stem}.tar.gz")


def _not_a_name(file_name: str, kind: str, error: ValueError) -> VerificationError:
    reason = str(error).partition(": ")[0]
    return VerificationError(
        f"`{file_name}` is no file name of a {kind}: {reason[:1].lower()}{reason[1:]}",
        hint="the form is `NAME-VERSION-PYTHON-ABI-PLATFORM.whl` or `NAME-VERSION.tar.gz`",
    )
