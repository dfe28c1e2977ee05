"""A step that wants too much is stopped, and says by what."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import cgroup
from pipeline.sandbox.spec import Bounds, Tmpfs

if TYPE_CHECKING:
    from tests.sandbox.conftest import Ran, Room

pytestmark = pytest.mark.sandbox

OWN_PID_MAX = tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (6, 14)


def bounded(room: Room, script: str, bounds: Bounds) -> Ran:
    return room.shell(script, replace(room.spec, limits=bounds))


def test_a_step_that_lasts_too_long_is_stopped_with_all_it_started(room: Room) -> None:
    ran = bounded(room, "trap '' TERM INT; echo up; sleep 1000 & sleep 1000", Bounds(seconds=0.5))
    assert (ran.outcome.status, ran.outcome.reason, ran.output) == (137, "timeout", "up\n")


def test_a_flood_of_output_is_cut_at_the_bound(room: Room) -> None:
    ran = bounded(room, "yes", Bounds(seconds=60, output=100_000))
    assert ran.outcome.reason == "output"
    assert len(ran.output) == 100_000


def test_output_up_to_the_bound_is_no_offence(room: Room) -> None:
    ran = bounded(room, "printf 12345", Bounds(seconds=60, output=5))
    assert (ran.outcome.reason, ran.output) == ("exited", "12345")


def test_a_step_that_fills_the_disk_is_stopped(room: Room) -> None:
    script = "while :; do head -c 1000000 /dev/zero >> /tmp/big; done"
    ran = bounded(room, script, Bounds(seconds=60, disk=20 << 20))
    assert ran.outcome.reason == "disk"


def test_a_step_that_was_over_the_disk_bound_before_anyone_looked_has_not_succeeded(
    room: Room,
) -> None:
    ran = bounded(room, "head -c 4000000 /dev/zero > /tmp/big", Bounds(seconds=60, disk=1 << 20))
    assert ran.outcome.reason == "disk"


def test_what_is_written_into_a_mounted_tree_counts_as_well(room: Room, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    mounts = (*room.spec.mounts, room.overlay("/src", tree))
    spec = replace(room.spec, mounts=mounts, limits=Bounds(seconds=60, disk=1 << 20))
    ran = room.shell("head -c 4000000 /dev/zero > /src/big", spec)
    assert ran.outcome.reason == "disk"


def test_a_file_grows_no_larger_than_allowed(room: Room) -> None:
    script = "head -c 100000 /dev/zero > /tmp/big"
    ran = bounded(room, script, Bounds(seconds=60, file_size=50_000))
    assert ran.outcome.status
    assert (room.upper / "tmp/big").stat().st_size == 50_000


def test_memory_is_bounded(room: Room) -> None:
    spec = replace(room.spec, limits=Bounds(seconds=60, memory=256 << 20))
    code = """
        try:
            data = b"x" * (1 << 30)
        except MemoryError:
            print("refused")
    """
    ran = room.python(code, spec)
    killed = ran.outcome.reason == "memory"
    assert killed if cgroup.parent_group() else ran.output == "refused\n"


def test_a_file_system_in_memory_holds_what_it_was_given_and_no_more(room: Room) -> None:
    mounts = (*room.spec.mounts, Tmpfs(target="/tmp", size=1 << 20))  # noqa: S108 (inside)
    spec = replace(room.spec, mounts=mounts)
    ran = room.shell("head -c 900000 /dev/zero > /tmp/a && head -c 900000 /dev/zero > /tmp/b", spec)
    assert ran.outcome.status
    assert "No space left" in ran.output
    assert not (room.upper / "tmp").exists()


@pytest.mark.skipif(
    not OWN_PID_MAX and os.geteuid() == 0,
    reason="before Linux 6.14 no limit holds the real root without a cgroup",
)
def test_a_fork_bomb_is_bounded_and_ends_with_the_step(room: Room) -> None:
    code = """
        import time
        started = 0
        try:
            while started < 5000:
                if not os.fork():
                    time.sleep(1000)
                started += 1
        except OSError as error:
            print(errno.errorcode[error.errno], started <= 64 + 300)
    """
    spec = replace(room.spec, limits=Bounds(seconds=60, processes=64))
    ran = room.python(code, spec)
    assert ran.output == "EAGAIN True\n"
    assert ran.outcome.status == 0


@pytest.mark.skipif(not OWN_PID_MAX, reason="before Linux 6.14 the number is the whole machine's")
def test_the_bound_on_processes_is_the_steps_own(room: Room) -> None:
    outside = Path("/proc/sys/kernel/pid_max")
    before = outside.read_text()
    ran = bounded(room, "cat /proc/sys/kernel/pid_max", Bounds(seconds=60, processes=64))
    assert ran.output == "364\n"
    assert outside.read_text() == before


def test_fixed_limits_do_not_depend_on_the_caller(room: Room) -> None:
    ran = room.python("""
        import resource
        print(resource.getrlimit(resource.RLIMIT_CORE))
        for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_STACK):
            print(resource.getrlimit(kind)[0])
    """)
    assert ran.lines == ["(0, 0)", "1024", str(8 << 20)]
