"""The probe in surroundings that forbid a sandbox, made with namespaces around the probe."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import syscalls
from pipeline.sandbox.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sandbox


def surrounded(prepare: Callable[[], None], directory: Path) -> str:
    """Return what the probe says in namespaces of its own, after ``prepare`` was called there."""
    heard, told = os.pipe()
    user, group = os.geteuid(), os.getegid()
    if not (child := os.fork()):
        try:
            syscalls.unshare(syscalls.NEWUSER | syscalls.NEWNS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
            prepare()
            found = probe(str(directory))
            os.write(told, f"{found.works}\n{found.reason}\n{found.hint}".encode())
        except BaseException:  # noqa: BLE001 (shown in the parent's assertion)
            os.write(told, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(told)
    with open(heard, encoding="utf-8") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return said


def test_the_sandbox_works_here_and_the_probe_leaves_nothing(tmp_path: Path) -> None:
    found = probe(str(tmp_path))
    assert (found.works, found.reason) == (True, "")
    assert found.facts["kernel"].startswith(os.uname().release)
    assert list(tmp_path.iterdir()) == []


def test_a_sandbox_can_be_made_inside_a_plain_namespace(tmp_path: Path) -> None:
    assert surrounded(lambda: None, tmp_path).splitlines()[0] == "True"


def test_no_namespaces_left_is_told_with_the_setting(tmp_path: Path) -> None:
    def prepare() -> None:
        Path("/proc/sys/user/max_user_namespaces").write_text("0")

    works, reason, hint = surrounded(prepare, tmp_path).splitlines()
    assert works == "False"
    assert "unshare" in reason
    assert "`user.max_user_namespaces=0`" in hint


def test_a_container_that_masks_proc_is_told(tmp_path: Path) -> None:
    def prepare() -> None:
        syscalls.mount("tmpfs", "/proc/bus", "tmpfs", 0)

    works, reason, hint = surrounded(prepare, tmp_path).splitlines()
    assert works == "False"
    assert "mount proc" in reason
    assert "systempaths=unconfined" in hint


def test_a_directory_that_cannot_hold_an_overlay_is_told(tmp_path: Path) -> None:
    names = ("lower", "upper", "work", "merged")
    for name in names:
        (tmp_path / name).mkdir()
    lower, upper, work, merged = (str(tmp_path / name) for name in names)

    def prepare() -> None:
        option = f"lowerdir={lower},upperdir={upper},workdir={work},userxattr"
        syscalls.mount("overlay", merged, "overlay", 0, option)

    works, reason, hint = surrounded(prepare, tmp_path / "merged").splitlines()
    assert works == "False"
    assert "mount overlay" in reason
    assert "PIPELINE_CACHE_DIR" in hint


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = probe(str(tmp_path / "absent"))
    assert not found.works
    assert "absent" in found.reason
