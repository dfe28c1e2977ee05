from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError
from pipeline.store import stat as stat_module
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    from pathlib import Path


def settle() -> None:
    """Wait until files that were just written count as left alone."""
    time.sleep(2 * stat_module.MARGIN / 1e9)


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return sha256(text.encode()).hexdigest()


def remembers(file: Path, path: Path) -> bool:
    """Return whether the saved cache answers for ``path`` without reading it."""
    digest, _ = StatCache(file).digest(path)
    cache = StatCache(file)
    cache._known = {name: value.replace(digest, "!" * 64) for name, value in cache._known.items()}
    return cache.digest(path)[0] == "!" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "stat"


def test_a_settled_file_is_read_once_by_all_runs(tmp_path: Path, file: Path) -> None:
    digest = written(tmp_path / "input", "one")
    settle()
    cache = StatCache(file)
    found, status = cache.digest(tmp_path / "input")
    assert (found, status.st_size) == (digest, 3)
    cache.save()
    assert remembers(file, tmp_path / "input")


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, file: Path) -> None:
    cache = StatCache(file)
    digest = written(tmp_path / "input", "one")
    assert cache.digest(tmp_path / "input")[0] == digest
    cache.save()
    assert not file.exists()


@pytest.mark.parametrize("backdate", [False, True])
def test_a_change_of_the_same_length_is_seen(tmp_path: Path, file: Path, *, backdate: bool) -> None:
    path = tmp_path / "input"
    written(path, "one")
    settle()
    cache = StatCache(file)
    status = cache.digest(path)[1]
    cache.save()
    digest = written(path, "two")
    if backdate:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert StatCache(file).digest(path)[0] == digest


def test_another_file_moved_into_its_place_is_seen(tmp_path: Path, file: Path) -> None:
    written(tmp_path / "input", "one")
    digest = written(tmp_path / "other", "two")
    settle()
    cache = StatCache(file)
    cache.digest(tmp_path / "input")
    cache.save()
    (tmp_path / "other").rename(tmp_path / "input")
    assert StatCache(file).digest(tmp_path / "input")[0] == digest


def test_links_and_directories_have_no_digest_but_a_status(tmp_path: Path, file: Path) -> None:
    written(tmp_path / "input", "one")
    (tmp_path / "link").symlink_to("input")
    cache = StatCache(file)
    for name in ("link", "."):
        digest, status = cache.digest(tmp_path / name)
        assert (digest, status.st_mode) == ("", (tmp_path / name).lstat().st_mode)


def test_a_missing_file_is_the_callers_to_judge(tmp_path: Path, file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StatCache(file).digest(tmp_path / "missing")


def test_every_damaged_byte_makes_it_an_empty_cache(tmp_path: Path, file: Path) -> None:
    digest = written(tmp_path / "input", "one")
    settle()
    cache = StatCache(file)
    cache.digest(tmp_path / "input")
    cache.save()
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert StatCache(file).digest(tmp_path / "input")[0] == digest
        assert not StatCache(file)._known


def test_files_that_are_gone_are_forgotten_and_others_kept(tmp_path: Path, file: Path) -> None:
    for name in ("gone", "kept", "new"):
        written(tmp_path / name, name)
    settle()
    cache = StatCache(file)
    cache.digest(tmp_path / "gone")
    cache.digest(tmp_path / "kept")
    cache.save()
    (tmp_path / "gone").unlink()
    cache = StatCache(file)
    cache.digest(tmp_path / "new")
    cache.save()
    assert {os.path.basename(name) for name in StatCache(file)._known} == {"kept", "new"}


def test_nothing_learnt_means_nothing_written(tmp_path: Path, file: Path) -> None:
    written(tmp_path / "input", "one")
    settle()
    cache = StatCache(file)
    cache.digest(tmp_path / "input")
    cache.save()
    before = file.stat().st_ino
    cache = StatCache(file)
    cache.digest(tmp_path / "input")
    cache.save()
    assert file.stat().st_ino == before


def test_a_place_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    written(tmp_path / "input", "one")
    settle()
    cache = StatCache(tmp_path / "input" / "below" / "stat")
    cache.digest(tmp_path / "input")
    with pytest.raises(StoreError):
        cache.save()
