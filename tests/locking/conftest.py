"""Packages in a directory, from which the tool locks without any network."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def wheel(directory: Path, name: str, version: str) -> None:
    """Write a wheel that has metadata and nothing else, at any time the same bytes."""
    info = f"{name}-{version}.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{file}"), text)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only place that packages come from: three of them, at 1.0 and 2.0."""
    return make_wheels(tmp_path, monkeypatch)


def make_wheels(parent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the three packages below a directory and let the tool know of nothing else."""
    directory = parent / "wheels"
    directory.mkdir()
    for name in ("alpha", "beta", "gamma"):
        for version in ("1.0", "2.0"):
            wheel(directory, name, version)
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(parent / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    return directory
