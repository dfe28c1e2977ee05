"""Debian packages and wheels made with the standard library's writers, hostile ones too."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pipeline.files import sha256_file
from pipeline.images.debian import Package, unpack
from pipeline.lock.types import DebianPackage
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Item = tuple[tarfile.TarInfo, bytes]


def entry(name: str, content: bytes = b"", *, mode: int = 0o644, **fields: object) -> Item:
    """Return a tar member; ``type`` and ``linkname`` go into its header as they are."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = mode
    info.uid = info.gid = 1234
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def directory(name: str, *, mode: int = 0o755) -> Item:
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def link(name: str, target: str) -> Item:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> Item:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def tarball(items: Sequence[Item], *, format_: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as tar:
        for info, content in items:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a common ar archive (deb(5))."""
    text = b"!<arch>\n"
    for name, data in members:
        text += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        text += data + b"\n" * (len(data) % 2)
    return text


def packed(data: bytes, suffix: str) -> bytes:
    match suffix:
        case ".xz":
            return lzma.compress(data, preset=0)
        case ".gz":
            return gzip.compress(data, compresslevel=1)
        case ".zst":
            program = shutil.which("zstd")
            if program is None:
                pytest.skip("the program `zstd` is not here to make such a package")
            return subprocess.run(
                [program, "-qc"], input=data, check=True, capture_output=True
            ).stdout
        case _:
            return data


@dataclass(frozen=True)
class Debs:
    """Makes packages in a directory and unpacks them."""

    root: Path

    def make(
        self,
        items: Sequence[Item],
        *,
        name: str = "thing",
        version: str = "1:1.0-1",
        suffix: str = ".xz",
        format_: int = tarfile.GNU_FORMAT,
    ) -> Package:
        return self.raw(packed(tarball(items, format_=format_), suffix), name, version, suffix)

    def raw(
        self, data: bytes, name: str = "thing", version: str = "1:1.0-1", suffix: str = ".xz"
    ) -> Package:
        """Return a package whose data member is as given."""
        text = f"Package: {name}\nVersion: {version}\nArchitecture: all\nDescription: it\n more\n"
        control = packed(tarball([entry("./control", text.encode())]), ".xz")
        members = [
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz", control),
            (f"data.tar{suffix}", data),
        ]
        path = self.root / f"{name}.deb"
        path.write_bytes(ar(members))
        return Package(name=name, version=version, architecture="all", path=path)

    def unpack(self, *packages: Package, lower: Sequence[Path] = (), into: str = "out") -> Path:
        """Return a new directory with the packages unpacked."""
        target = self.root / into
        target.mkdir()
        unpack(packages, target, lower)
        return target


@pytest.fixture
def debs(tmp_path: Path) -> Debs:
    room = tmp_path / "debs"
    room.mkdir()
    return Debs(root=room)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def locked(package: Package, store: Store) -> DebianPackage:
    """Store a package and return its row of a lock."""
    return DebianPackage(
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        path=f"pool/{package.path.name}",
        sha256=store.add_blob_file(package.path),
        size=package.path.stat().st_size,
    )


@dataclass(frozen=True)
class Wheels:
    """Makes wheels; metadata and RECORD are added, the latter without hashes."""

    root: Path

    def make(
        self,
        files: dict[str, str],
        *,
        name: str = "thing",
        entry_points: str = "",
        modes: dict[str, int] | None = None,
        extra: Sequence[tuple[zipfile.ZipInfo, bytes]] = (),
    ) -> tuple[str, Path]:
        info = f"{name}-1.0.dist-info"
        texts = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        if entry_points:
            texts[f"{info}/entry_points.txt"] = entry_points
        texts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in texts) + f"{info}/RECORD,,\n"
        path = self.root / sha256_name(name)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in texts.items():
                header = zipfile.ZipInfo(member)
                header.compress_type = zipfile.ZIP_DEFLATED
                header.external_attr = (0o100000 | (modes or {}).get(member, 0o644)) << 16
                archive.writestr(header, text)
            for header, data in extra:
                archive.writestr(header, data)
        return f"{name}-1.0-py3-none-any.whl", path


def sha256_name(name: str) -> str:
    """Return a name as blobs in the store have it: one that says nothing."""
    return f"blob-of-{name}"


@pytest.fixture
def wheels(tmp_path: Path) -> Wheels:
    room = tmp_path / "wheels"
    room.mkdir()
    return Wheels(root=room)


def snapshot(root: Path) -> dict[str, tuple[str, ...]]:
    """Return all that counts of a directory: kinds, modes, targets, contents, times."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = sha256_file(path)
        found[str(path.relative_to(root))] = (oct(status.st_mode), str(status.st_mtime), content)
    return found
