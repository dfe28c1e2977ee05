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
        ("1.0", "py3.py2-none-any", "should be named"),
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


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    file = wheel(tmp_path)
    small = RehearsalIndex(tmp_path / "index", size_limit=file.stat().st_size - 1)
    with pytest.raises(ReleaseRefusedError, match="more than"):
        small.take(file.name, file)
