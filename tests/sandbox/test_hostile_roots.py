"""Layers that try to lead a mount out of the root: nothing may land outside."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.spec import Bind, Tmpfs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Room

pytestmark = pytest.mark.sandbox


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.mkdir()
    (path / "file").write_text("kept")
    return path


def listing(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize("up", ["", "../" * 30])
def test_a_target_that_is_a_link_to_the_host_is_mounted_inside(
    room: Room, victim: Path, tmp_path: Path, up: str
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "theirs").touch()
    (room.base / "src").symlink_to(f"{up}{victim}" if up else victim)
    (room.base / str(victim).lstrip("/")).mkdir(parents=True)
    spec = replace(room.spec, mounts=(*room.spec.mounts, room.overlay("/src", tree)))
    ran = room.shell("ls /src; touch /src/made; echo x > /src/file", spec)
    assert (ran.outcome.status, ran.lines) == (0, ["theirs"])
    assert listing(victim) == ["file"]
    assert (victim / "file").read_text() == "kept"


def test_a_target_below_a_link_is_made_inside(room: Room, victim: Path) -> None:
    (room.base / "opt").symlink_to(victim)
    (room.base / str(victim).lstrip("/")).mkdir(parents=True)
    mount = Tmpfs(target="/opt/new/deep", size=1 << 16)
    ran = room.shell("touch /opt/new/deep/x", replace(room.spec, mounts=(*room.mounts, mount)))
    assert ran.outcome.status == 0
    assert listing(victim) == ["file"]
    inside = room.upper / str(victim).lstrip("/")
    assert not (inside / "new/deep").exists()


def test_a_target_that_is_a_dangling_link_is_refused(room: Room, victim: Path) -> None:
    (room.base / "src").symlink_to(victim / "not-there")
    bind = Bind(source=str(victim), target="/src")
    with pytest.raises(SandboxError, match="mount point `/src`"):
        room.shell("true", replace(room.spec, mounts=(*room.mounts, bind)))
    assert listing(victim) == ["file"]


@pytest.mark.parametrize("name", ["proc", "dev"])
@pytest.mark.parametrize("target", ["/proc/self/root", "victim", "tmp"])
def test_proc_and_dev_must_be_no_links(room: Room, victim: Path, name: str, target: str) -> None:
    (room.base / name).symlink_to(victim if target == "victim" else target)
    with pytest.raises(SandboxError):
        room.shell("true")
    assert listing(victim) == ["file"]


def test_a_magic_link_is_not_followed_to_the_host(room: Room, victim: Path) -> None:
    (room.base / "src").symlink_to(f"/proc/self/root{victim}")
    bind = Bind(source=str(victim), target="/src")
    with pytest.raises(SandboxError):
        room.shell("true", replace(room.spec, mounts=(*room.mounts, bind)))


def test_a_file_is_not_mounted_on_a_directory(room: Room, victim: Path) -> None:
    (room.base / "secret").mkdir()
    bind = Bind(source=str(victim / "file"), target="/secret")
    with pytest.raises(SandboxError, match="mount point `/secret`"):
        room.shell("true", replace(room.spec, mounts=(*room.mounts, bind)))


def test_a_secret_file_is_seen_in_its_step_and_never_stored(room: Room, victim: Path) -> None:
    bind = Bind(source=str(victim / "file"), target="/run/secrets/token")
    spec = replace(room.spec, mounts=(*room.mounts, bind))
    assert room.shell("cat /run/secrets/token", spec).output == "kept"
    assert room.shell("cat /run/secrets/token").outcome.status == 1
    assert list(room.upper.iterdir()) == []


def test_a_writable_bind_keeps_what_is_written(room: Room, victim: Path) -> None:
    bind = Bind(source=str(victim), target="/cache", read_only=False)
    spec = replace(room.spec, mounts=(*room.mounts, bind))
    assert room.shell("echo more >> /cache/file", spec).outcome.status == 0
    assert (victim / "file").read_text() == "keptmore\n"


def test_a_tree_is_written_to_in_an_overlay_of_its_own(room: Room, victim: Path) -> None:
    overlay = room.overlay("/src", victim)
    spec = replace(room.spec, mounts=(*room.mounts, overlay), cwd="/src")
    ran = room.shell("pwd; echo changed > file; rm -f gone; mkdir new; ls", spec)
    assert ran.lines == ["/src", "file", "new"]
    assert (victim / "file").read_text() == "kept"
    assert sorted(os.listdir(overlay.upper)) == ["file", "new"]


def test_an_archives_owners_do_not_stop_it_from_being_unpacked(room: Room) -> None:
    ran = room.python("print(attempt(os.chown, '/tmp', 1234, 1234), os.stat('/tmp').st_uid)")
    assert ran.lines == ["ok 0"]


def test_a_working_directory_that_is_not_there_is_made(room: Room) -> None:
    assert room.shell("pwd", replace(room.spec, cwd="/made/here")).lines == ["/made/here"]
