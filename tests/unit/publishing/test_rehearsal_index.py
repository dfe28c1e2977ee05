from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing.index import TakenError
from pipeline.publishing.rehearsal import RehearsalIndex
from tests.unit.publishing.making import sdist, wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def index(tmp_path: Path) -> RehearsalIndex:
    return RehearsalIndex(tmp_path / "index")


def test_what_it_took_it_lists_under_every_spelling_of_the_project(
    index: RehearsalIndex, tmp_path: Path
) -> None:
    file = wheel(tmp_path, "big-thing")
    assert index.take(file.name, file)
    (link,) = index.files("Big.Thing")
    assert index.digest(link) == link.sha256


def test_the_same_file_twice_is_one(index: RehearsalIndex, tmp_path: Path) -> None:
    file = wheel(tmp_path)
    assert index.take(file.name, file)
    assert not index.take(file.name, file)
    assert len(index.files("thing")) == 1


def test_other_bytes_under_a_name_are_refused(index: RehearsalIndex, tmp_path: Path) -> None:
    file = wheel(tmp_path)
    index.take(file.name, file)
    with pytest.raises(TakenError):
        index.take(file.name, wheel(tmp_path, body="other"))


def test_a_release_has_one_sdist(index: RehearsalIndex, tmp_path: Path) -> None:
    file = sdist(tmp_path)
    index.take(file.name, file)
    with pytest.raises(ReleaseRefusedError, match="refuse"):
        index.take("Thing-1.0.tar.gz", sdist(tmp_path, body="other"))


@pytest.mark.parametrize(
    ("version", "tag", "words"),
    [
        ("1.0+local", "py3-none-any", "local version"),
        ("1.0", "py3-none-linux_x86_64", "not portable"),
        ("1.0", "py3-none-pyodide_2025_0_wasm32", "PEP 783"),
        ("1.0", "py3-none-macosx_12_3_arm64", "the second number is 0"),
    ],
)
def test_what_an_index_refuses_it_refuses(
    index: RehearsalIndex, tmp_path: Path, version: str, tag: str, words: str
) -> None:
    file = wheel(tmp_path, version=version, tag=tag)
    with pytest.raises(ReleaseRefusedError) as caught:
        index.take(file.name, file)
    assert words in " ".join([caught.value.message, *caught.value.detail])
    assert index.files("thing") == []


@pytest.mark.parametrize(
    "tag",
    [
        "py3.py2-none-any",
        "py3-none-pyemscripten_2026_0_wasm32",
        "py3-none-android_24_arm64_v8a",
        "py3-none-ios_13_0_arm64_iphonesimulator",
        "py3-none-manylinux_2_39_riscv64",
        "py3-none-macosx_10_9_universal2",
        "py3-none-win_arm64",
    ],
)
def test_tags_that_an_index_takes_are_taken(
    index: RehearsalIndex, tmp_path: Path, tag: str
) -> None:
    file = wheel(tmp_path, tag=tag)
    assert index.take(file.name, file)


def test_a_name_of_a_file_that_an_index_no_longer_takes_is_refused(
    index: RehearsalIndex, tmp_path: Path
) -> None:
    file = wheel(tmp_path, "Big.Thing")
    with pytest.raises(ReleaseRefusedError) as caught:
        index.take(file.name, file)
    assert "should start with `big_thing-`" in caught.value.message


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    file = wheel(tmp_path)
    small = RehearsalIndex(tmp_path / "index", size_limit=file.stat().st_size - 1)
    with pytest.raises(ReleaseRefusedError, match="more than"):
        small.take(file.name, file)
