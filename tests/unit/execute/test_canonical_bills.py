"""A wheel that is built elsewhere gets the bill that a run here gives it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from pipeline.execute.canonical import write_context
from pipeline.wheels.bill import FILE, Parts
from pipeline.wheels.cyclonedx import component
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

TAG = "cp311-cp311-linux_x86_64"
INFO = "thing-1.0.dist-info"
PARTS = Parts(runtimes=[("GCC: ", component("pkg:deb/debian/gcc@1", "gcc", "1"))])


def raw_wheel(directory: Path) -> Path:
    files = {
        "thing.so": b"\x7fELF GCC: 12",
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode(),
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
    }
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
    directory.mkdir()
    path = directory / f"thing-1.0-{TAG}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{INFO}/RECORD", "".join([*rows, f"{INFO}/RECORD,,\n"]))
    return path


def test_the_context_alone_writes_the_same_bill(tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path / "raw")
    for name in ("inside", "here"):
        (tmp_path / name).mkdir()
    write_context(tmp_path / "context", PARTS)
    subprocess.run(
        [sys.executable, "-S", "canonical.py", str(wheel.parent), "../inside", "1700000000"],
        env={"PYTHONPATH": str(tmp_path / "context")},
        cwd=tmp_path / "context",
        check=True,
    )
    here = normalise(wheel, tmp_path / "here", epoch=1_700_000_000, parts=PARTS)
    assert (tmp_path / "inside" / here.name).read_bytes() == here.read_bytes()
    with zipfile.ZipFile(here) as archive:
        assert f"{INFO}/{FILE}" in archive.namelist()
