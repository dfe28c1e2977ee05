"""Archives made with the standard library's writers, so that ours are not tested by themselves."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

METADATA = "Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.0\nSummary: A thing\n\nWords.\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test (1)\nRoot-Is-Purelib: {purelib}\n{tags}"


class MakeWheel(Protocol):
    """Writes a wheel whose RECORD is right unless ``record`` is given."""

    def __call__(
        self,
        files: Mapping[str, bytes | str],
        *,
        name: str = ...,
        tags: tuple[str, ...] = ...,
        purelib: str = ...,
        record: str | None = ...,
        modes: Mapping[str, int] = ...,
        reverse: bool = ...,
        stem: str = ...,
    ) -> Path: ...


class MakeSdist(Protocol):
    """Writes an sdist of tar headers and their content."""

    def __call__(self, *members: tuple[tarfile.TarInfo, bytes], name: str = ...) -> Path: ...


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Return a writer of wheels of ``some_thing`` 1.0, each into a directory of its own."""

    def make(
        files: Mapping[str, bytes | str],
        *,
        name: str = "some_thing-1.0-py3-none-any.whl",
        tags: tuple[str, ...] = ("py3-none-any",),
        purelib: str = "true",
        record: str | None = None,
        modes: Mapping[str, int] | None = None,
        reverse: bool = False,
        stem: str = "some_thing-1.0",
    ) -> Path:
        info = f"{stem}.dist-info"
        lines = "".join(f"Tag: {tag}\n" for tag in tags)
        contents: dict[str, bytes | str] = {
            f"{info}/METADATA": METADATA,
            f"{info}/WHEEL": WHEEL.format(purelib=purelib, tags=lines),
            **files,
        }
        contents[f"{info}/RECORD"] = record_of(contents, info) if record is None else record
        path = fresh(tmp_path) / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in sorted(contents, reverse=reverse):
                entry = zipfile.ZipInfo(member, (2024, 5, 6, 7, 8, 10))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = ((modes or {}).get(member, 0o100644)) << 16
                archive.writestr(entry, contents[member])
        return path

    return make


@pytest.fixture
def make_sdist(tmp_path: Path) -> MakeSdist:
    """Return a writer of sdists, each into a directory of its own."""

    def make(*members: tuple[tarfile.TarInfo, bytes], name: str = "some_thing-1.0.tar.gz") -> Path:
        path = fresh(tmp_path) / name
        with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
            for member, content in members:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return path

    return make


def record_of(contents: Mapping[str, bytes | str], info: str) -> str:
    """Return a right RECORD, written plainly."""
    lines = []
    for name, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{info}/RECORD,,\n"])


def fresh(tmp_path: Path) -> Path:
    """Return a new directory, so that two files may have one name."""
    directory = tmp_path / f"made{len(list(tmp_path.iterdir()))}"
    directory.mkdir()
    return directory
