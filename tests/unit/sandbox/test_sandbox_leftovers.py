from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import leftovers
from pipeline.sandbox.error import SandboxError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    path = tmp_path / "upper"
    path.mkdir()
    return path


def test_an_empty_mount_point_is_removed_and_a_used_one_stays(upper: Path) -> None:
    (upper / "a/b").mkdir(parents=True)
    (upper / "c").mkdir()
    (upper / "c/kept").touch()
    (upper / "d").touch()
    (upper / "e").write_text("kept")
    leftovers.remove_mount_points(str(upper), ("/a", "/a/b", "/c", "/d", "/e"))
    assert sorted(path.name for path in upper.iterdir()) == ["c", "e"]


def test_a_link_in_place_of_a_directory_is_never_followed(upper: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "empty").mkdir(parents=True)
    (upper / "link").symlink_to(outside)
    (upper / "direct").symlink_to(outside / "empty")
    leftovers.remove_mount_points(str(upper), ("/link/empty", "/direct"))
    assert (outside / "empty").is_dir()


def test_an_upper_that_other_users_can_reach_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    modes = [(path, path.stat().st_mode) for path in (open_to_all, *open_to_all.parents)]
    private = [path for path, mode in modes if not mode & 0o011]
    try:
        for path in private:
            path.chmod(0o711)
        with pytest.raises(SandboxError, match="other users") as caught:
            leftovers.require_private(str(open_to_all))
        assert "0700" in caught.value.hint
    finally:
        for path in private:
            path.chmod(0o700)
    open_to_all.chmod(0o700)
    leftovers.require_private(str(open_to_all))
    leftovers.require_private(str(tmp_path / "open"))


def test_a_missing_upper_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="No such file") as caught:
        leftovers.require_private(str(tmp_path / "absent"))
    assert caught.value.filename == str(tmp_path / "absent")
