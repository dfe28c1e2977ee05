from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.directory import Directory
from pipeline.lock.types import PythonFile
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def kept(tmp_path: Path) -> Directory:
    """Return an empty download cache."""
    return Directory(tmp_path / "kept")


@pytest.fixture
def wheel(tmp_path: Path, kept: Directory) -> PythonFile:
    """Put a file with the name of a wheel into the download cache."""
    data = b"not looked into\n"
    source = tmp_path / "source"
    source.write_bytes(data)
    name, digest = "thing-1.0-py3-none-any.whl", hashlib.sha256(data).hexdigest()
    assert kept.put(name, source, digest)
    return PythonFile(name=name, sha256=digest, size=len(data))
