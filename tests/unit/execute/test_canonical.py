from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from pipeline.dockerfile.parser import parse
from pipeline.dockerfile.summary import summarise
from pipeline.execute.canonical import CONTEXT, canonical_dockerfile, write_context
from pipeline.files import sha256_file
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 1_700_000_000
INFO = "thing-1.0.dist-info"


def raw_wheel(directory: Path) -> Path:
    """Write a wheel as a careless backend would: stored, unsorted, RECORD in the middle."""
    files = {
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        "thing.py": b"VALUE = 1\n" * 100,
    }
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
    record = "".join([*rows, f"{INFO}/RECORD,,\n"])
    path = directory / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{INFO}/RECORD", record)
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_the_context_alone_gives_the_bytes_that_a_run_gives(tmp_path: Path) -> None:
    for name in ("raw", "inside", "here"):
        (tmp_path / name).mkdir()
    wheel = raw_wheel(tmp_path / "raw")
    write_context(tmp_path / "context")
    script = tmp_path / "context" / "canonical.py"
    subprocess.run(
        [sys.executable, "-S", str(script), str(tmp_path / "raw"), "../inside", str(EPOCH)],
        env={"PYTHONPATH": str(tmp_path / "context")},
        cwd=tmp_path / "context",
        check=True,
    )
    here = normalise(wheel, tmp_path / "here", epoch=EPOCH)
    assert sha256_file(tmp_path / "inside" / here.name) == sha256_file(here)
    assert sha256_file(here) != sha256_file(wheel)


def test_the_stages_are_added_behind_the_last_one_and_take_from_it() -> None:
    text = "FROM python AS build\nRUN true\n\nFROM scratch\nCOPY --from=build /out /\n"
    more = canonical_dockerfile(text, image="python", python="3.11", epoch=EPOCH)
    assert more.startswith(text)
    assert len(parse(more).stages) == 4
    assert CONTEXT in summarise(more).contexts
    assert "COPY --from=1 / /built" in more
