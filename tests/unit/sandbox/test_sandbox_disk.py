from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.sandbox import disk

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BLOCK = b"x" * 8192


def test_what_lies_below_is_counted_in_blocks_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/full").write_bytes(BLOCK * 4)
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 30)
    assert len(BLOCK) * 4 <= disk.used(str(tmp_path)) < 1 << 20


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "big").write_bytes(BLOCK * 64)
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "big")
    assert disk.used(str(inside)) < len(BLOCK)


def test_a_bound_is_kept_over_all_uppers_together(tmp_path: Path) -> None:
    uppers = [tmp_path / "a", tmp_path / "b"]
    for upper in uppers:
        upper.mkdir()
        (upper / "file").write_bytes(BLOCK)
    names = [str(upper) for upper in uppers]
    assert disk.DiskGuard(names, 2 * len(BLOCK) - 1).exceeded()
    assert not disk.DiskGuard(names, 1 << 20).exceeded()
    assert not disk.DiskGuard(names, 0).exceeded_at_end()


def test_a_disk_that_fills_up_meanwhile_breaks_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = disk.DiskGuard([str(tmp_path)], 0)
    assert not guard.exceeded()
    state = os.statvfs(tmp_path)
    full = os.statvfs_result((state.f_bsize, state.f_frsize, state.f_blocks, 8, 8, *state[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert guard.exceeded()
    assert not disk.DiskGuard([str(tmp_path)], 0).exceeded()  # it was full before this one began
