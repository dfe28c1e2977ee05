"""Attestations of files (PEP 740): laid beside a file, sent with it to an index that takes them.

They are made where an identity exists, before the upload (`docs/how-to/verify-a-release.md`); here
they are only passed on. The index refuses a file whose attestation is not true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twine.exceptions import InvalidDistribution
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from pipeline.errors import ReleaseRefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from twine.package import PackageFile

SUFFIX = ".publish.attestation"
"""What follows a file's name in that of its attestation, as `twine` looks for it."""

INDEXES = (DEFAULT_REPOSITORY, TEST_REPOSITORY)
"""Where the field is known. Others may refuse a file with it."""


def lay_out(file: Path, laid: Path) -> None:
    """Lay what is beside ``file`` under the name of its other place ``laid`` beside that one."""
    beside = file.with_name(laid.name + SUFFIX)
    if beside.is_file():
        laid.with_name(beside.name).symlink_to(beside.absolute())


def attach(package: PackageFile, file: Path, url: str) -> None:
    """Let the attestation beside ``file`` go with it to ``url``, where there is one.

    Raises ReleaseRefusedError when it cannot be read.
    """
    beside = file.with_name(file.name + SUFFIX)
    if not beside.is_file() or not url.startswith(INDEXES):
        return
    try:
        package.add_attestations([str(beside)])
    except (InvalidDistribution, UnicodeDecodeError) as error:
        raise ReleaseRefusedError(
            f"`{beside.name}` is no attestation, so `{file.name}` would be refused",
            hint="make it anew, or take it away",
        ) from error
