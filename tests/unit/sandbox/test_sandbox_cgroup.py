"""The cgroup's files, on a directory that stands in for a version 2 hierarchy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import cgroup
from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.spec import Bounds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def hierarchy(tmp_path: Path) -> Path:
    parent = tmp_path / "user.slice"
    (parent / "own.scope").mkdir(parents=True)
    (parent / "cgroup.procs").touch()
    (parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    return tmp_path


def own(place: Path, line: str) -> Path:
    path = place / "self"
    path.write_text(f"4:memory:/old\n{line}\n")
    return path


def test_a_delegated_parent_is_found(hierarchy: Path, tmp_path: Path) -> None:
    found = cgroup.parent_group(hierarchy, own(tmp_path, "0::/user.slice/own.scope"))
    assert found == hierarchy / "user.slice"


@pytest.mark.parametrize("line", ["0::/", "", "0::/../elsewhere/x", "0::/gone/x"])
def test_no_parent_is_found_where_there_is_none(hierarchy: Path, tmp_path: Path, line: str) -> None:
    assert cgroup.parent_group(hierarchy, own(tmp_path, line)) is None


def test_a_parent_without_the_memory_controller_will_not_do(
    hierarchy: Path, tmp_path: Path
) -> None:
    (hierarchy / "user.slice/cgroup.subtree_control").write_text("cpu pids\n")
    found = cgroup.parent_group(hierarchy, own(tmp_path, "0::/user.slice/own.scope"))
    assert found is None


def test_the_bounds_are_written_and_a_memory_kill_is_seen(tmp_path: Path) -> None:
    with cgroup.joined(Bounds(memory=1 << 20, processes=9), tmp_path) as group:
        path = tmp_path / group.path
        assert (path / "memory.max").read_text() == str(1 << 20)
        assert (path / "pids.max").read_text() == "9"
        assert (path / "memory.swap.max").read_text() == "0"
        (path / "memory.events").write_text("low 0\noom_kill 0\n")
        assert not group.out_of_memory()
        (path / "memory.events").write_text("low 0\noom_kill 2\n")
        assert group.out_of_memory()
        for file in path.iterdir():  # which in a real hierarchy vanish with the group
            file.unlink()
    assert not path.exists()


def test_a_group_that_cannot_be_made_is_an_error_of_the_sandbox(tmp_path: Path) -> None:
    with (
        pytest.raises(SandboxError, match="cgroup"),
        cgroup.joined(Bounds(memory=1), tmp_path / "absent"),
    ):
        pytest.fail("the step must not run")


def test_without_a_memory_bound_no_group_is_made() -> None:
    with cgroup.joined(Bounds()) as group:
        assert group.path == ""
        assert not group.out_of_memory()
