"""A wheel counts once an audit finds no error in it; what else it finds is kept beside it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.execute.outputs import keep
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.store.trees import Tree

INFO = "some_thing-1.0.dist-info"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def made(store: Store, directory: Path, **more: str) -> Tree:
    """Return the output of a step that left one wheel."""
    metadata = "Metadata-Version: 2.1\nName: some-thing\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {name.replace("_dot_", "."): text for name, text in more.items()}
    files |= {f"{INFO}/METADATA": metadata, f"{INFO}/WHEEL": wheel}
    rows = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{name},sha256={digest.decode()},{len(text)}\n")
    files[f"{INFO}/RECORD"] = "".join([*rows, f"{INFO}/RECORD,,\n"])
    directory.mkdir()
    with zipfile.ZipFile(directory / "some_thing-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return store.add_tree(directory)


def test_a_start_up_file_counts_only_where_it_was_declared(store: Store, tmp_path: Path) -> None:
    tree = made(store, tmp_path / "out", run_dot_pth="import os\n")
    with pytest.raises(VerificationError, match="must not be released") as refused:
        keep("wheel", "wheel", tree, store, epoch=1_700_000_000)
    assert refused.value.detail == ("unexpected-pth: `run.pth` would run whenever Python starts",)
    kept = keep("wheel", "wheel", tree, store, epoch=1_700_000_000, startup_files=("run.pth",))
    assert kept.findings == ()


def test_a_remark_is_kept_with_its_level_and_rule(store: Store, tmp_path: Path) -> None:
    tree = made(store, tmp_path / "out", a_dot_pyc="x")
    (found,) = keep("wheel", "wheel", tree, store, epoch=1_700_000_000).findings
    assert (found.level, found.rule) == ("warning", "bytecode-inside")


def test_a_pure_wheel_is_told_where_compiled_code_was_expected(
    store: Store, tmp_path: Path
) -> None:
    def expected(name: str) -> list[str]:
        assert name == "some_thing-1.0-py3-none-any.whl"
        return ["`setup.py` says so", "the release `v1` has one"]

    tree = made(store, tmp_path / "out", a_dot_py="")
    (found,) = keep("wheel", "wheel", tree, store, epoch=1_700_000_000, expected=expected).findings
    assert (found.level, found.rule) == ("warning", "unexpectedly-pure")
    assert "though `setup.py` says so and the release `v1` has one;" in found.message
    kept = keep("wheel", "wheel", tree, store, epoch=1_700_000_000, expected=lambda _: [])
    assert kept.findings == ()
