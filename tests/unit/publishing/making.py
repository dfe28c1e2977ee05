"""Wheels and sdists that nothing is wrong with, and the candidates that they are."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from pipeline.files import sha256_file
from pipeline.publishing.preflight import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def metadata(
    project: str, version: str, requires: Iterable[str] = (), fields: Iterable[str] = ()
) -> str:
    lines = (*(f"Requires-Dist: {one}" for one in requires), *fields)
    needs = "".join(f"{line}\n" for line in lines)
    return (
        f"Metadata-Version: 2.4\nName: {project}\nVersion: {version}\nSummary: A {project}\n"
        f"Requires-Python: >=3.9\n{needs}Description-Content-Type: text/markdown\n\n# {project}\n"
    )


def wheel(
    directory: Path,
    project: str = "thing",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    body: str = "",
    requires: Iterable[str] = (),
    fields: Iterable[str] = (),
    entry_points: str = "",
) -> Path:
    """Write a wheel; ``body`` stands in its one module, ``fields`` in its metadata."""
    stem = f"{project.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        f"{project.replace('-', '_')}.py": f"NAME = {project!r}  # {tag} {body}\n",
        f"{info}/METADATA": metadata(project, version, requires, fields),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if entry_points:
        files[f"{info}/entry_points.txt"] = entry_points
    rows = [f"{name},sha256={_digest(data)},{len(data.encode())}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    path = directory / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return path


def sdist(directory: Path, project: str = "thing", version: str = "1.0", *, body: str = "") -> Path:
    """Write an sdist; ``body`` is a comment in its ``pyproject.toml``."""
    stem = f"{project.replace('-', '_')}-{version}"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in {
            "PKG-INFO": metadata(project, version),
            "pyproject.toml": f"# {body}\n",
        }.items():
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size = len(text.encode())
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    path = directory / f"{stem}.tar.gz"
    path.write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return path


def candidates(*files: Path) -> list[Candidate]:
    """Return what a run's manifest says of files."""
    return [
        Candidate(name=f.name, path=f, sha256=sha256_file(f), size=f.stat().st_size) for f in files
    ]


def release(directory: Path, body: str = "") -> list[Path]:
    """Write two distributions, one of which needs the other: two wheels and two sdists."""
    directory.mkdir(exist_ok=True)
    return [
        wheel(directory, "app", requires=["base-kit>=1"], body=body),
        sdist(directory, "app", body=body),
        wheel(directory, "base-kit", body=body),
        sdist(directory, "base-kit", body=body),
    ]


def _digest(data: str) -> str:
    digest = hashlib.sha256(data.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
