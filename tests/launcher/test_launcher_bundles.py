"""`./pipelinew cache import FILE` sets itself up from that file, and believes nothing in it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap import explain, unpack_wheels

if TYPE_CHECKING:
    from pathlib import Path

    from tests.launcher.conftest import Checkout

pytestmark = pytest.mark.slow

WHEEL = "thing-1.0-py3-none-any.whl"
NO_INDEX = {"PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}


@pytest.fixture
def alone(bare_checkout: Checkout) -> Checkout:
    """Return a checkout that was never set up, on a machine where pip finds nothing."""
    return replace(bare_checkout, environ={**bare_checkout.environ, **NO_INDEX})


def member(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = size, kind, "/etc/passwd"
    return found


def bundle(checkout: Checkout, name: str = f"tool/{WHEEL}", kind: bytes = tarfile.REGTYPE) -> Path:
    """Write a bundle whose one wheel has this name and this type."""
    data = (checkout.root.parent / "links" / WHEEL).read_bytes()
    path = checkout.root.parent / "all.bundle"
    with tarfile.open(path, "w:") as archive:
        archive.addfile(member("bundle.json", 2), io.BytesIO(b"{}"))
        is_link = kind == tarfile.SYMTYPE
        archive.addfile(member(name, 0 if is_link else len(data), kind), io.BytesIO(data))
    return path


def below(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_dir())


def test_a_bundle_is_enough_where_no_index_is(alone: Checkout) -> None:
    path = bundle(alone)
    ended = alone.start("cache", "import", str(path))
    assert ended.returncode == 7, ended.stderr
    assert len(below(alone.tool)) == 1, "the unpacked wheels are gone"
    assert alone.start("list").returncode == 7


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"tool/{WHEEL}", tarfile.SYMTYPE),
        (f"tool/../../{WHEEL}", tarfile.REGTYPE),
        (f"/tool/{WHEEL}", tarfile.REGTYPE),
    ],
)
def test_only_plain_files_below_tool_are_taken(name: str, kind: bytes, alone: Checkout) -> None:
    path = bundle(alone, name, kind)
    ended = alone.start("cache", "import", str(path))
    assert ended.returncode in {4, 5}, ended.stderr
    assert below(alone.tool) == []
    assert list(alone.tool.rglob("*.whl")) == []


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_a_file_with_holes_is_not_blown_up(form: str, tmp_path: Path) -> None:
    wheel = tmp_path / "tool" / WHEEL
    wheel.parent.mkdir()
    with wheel.open("wb") as stream:
        stream.truncate(1 << 30)
    words = ["tar", "--sparse", f"--format={form}", "-cf", "all.bundle", f"tool/{WHEEL}"]
    subprocess.run(words, cwd=tmp_path, check=True)
    (tmp_path / "place").mkdir()
    with tarfile.open(tmp_path / "all.bundle") as archive:
        unpack_wheels(archive, tmp_path / "place")
    assert list((tmp_path / "place").iterdir()) == []


def test_what_a_killed_import_unpacked_is_removed_by_the_next(alone: Checkout) -> None:
    path = bundle(alone)
    words = [str(alone.root / "pipelinew"), "cache", "import", str(path)]
    with subprocess.Popen(
        words, env=alone.environ, stderr=subprocess.PIPE, process_group=0
    ) as first:
        assert first.stderr is not None
        while b"installing" not in first.stderr.readline():
            assert first.poll() is None
        os.killpg(first.pid, signal.SIGKILL)
    assert len(below(alone.tool)) == 2
    assert alone.start("cache", "import", str(path)).returncode == 7
    assert len(below(alone.tool)) == 1


def test_a_full_disk_is_no_fault_of_the_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    with pytest.raises(SystemExit) as ended:
        explain(said, "all.bundle")
    assert ended.value.code == 1
    assert "the disk is full" in capsys.readouterr().err
