"""What still holds when the system-call filter lets everything through.

No wall may be the only one: a filter has holes as soon as the kernel grows a call.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import calls, seccomp

if TYPE_CHECKING:
    from tests.sandbox.conftest import Room

pytestmark = pytest.mark.sandbox

NUMBERS = {
    name: number
    for table in (calls.ALLOWED, calls.REFUSED)
    for name, number in calls.numbers(table, os.uname().machine).items()
}
ALLOW_EVERYTHING = struct.pack("=HBBI", 0x06, 0, 0, seccomp.ALLOW)


@pytest.fixture(autouse=True)
def _no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "program", lambda _: ALLOW_EVERYTHING)


def test_the_filter_really_is_open_here(room: Room) -> None:
    ran = room.python(f"print(syscall({NUMBERS['kcmp']}, os.getpid(), os.getpid(), 0, 0, 0))")
    assert ran.output.strip() in {"ok", "ENOSYS"}


def test_no_user_namespace_can_be_made(room: Room) -> None:
    assert room.python("print(attempt(libc.unshare, 0x10000000))").output == "ENOSPC\n"


@pytest.mark.parametrize("flag", [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x40000000])
def test_no_other_namespace_can_be_made(room: Room, flag: int) -> None:
    assert room.python(f"print(attempt(libc.unshare, {flag}))").output == "EPERM\n"


def test_nothing_can_be_mounted_or_unmounted(room: Room) -> None:
    ran = room.python("""
        print(attempt(libc.mount, b"x", b"/tmp", b"tmpfs", 0, 0))
        print(attempt(libc.mount, b"", b"/usr", b"", 4096 | 32, 0))  # bind, remount
        print(attempt(libc.umount2, b"/proc/sys", 2), attempt(libc.umount2, b"/usr", 2))
    """)
    assert ran.lines == ["EPERM", "EPERM", "EPERM EPERM"]


def test_no_device_can_be_made(room: Room) -> None:
    ran = room.python("print(attempt(os.mknod, '/tmp/disk', 0o060666, os.makedev(8, 0)))")
    assert ran.output == "EPERM\n"


def test_pid_1_cannot_be_read_or_traced(room: Room) -> None:
    ran = room.python(f"""
        print(syscall({NUMBERS["ptrace"]}, 16, 1, 0, 0))
        data = ctypes.create_string_buffer(8)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(data), 8)
        print(attempt(libc.process_vm_readv, 1, vector, 1, vector, 1, 0))
        print(syscall({NUMBERS["pidfd_getfd"]}, os.pidfd_open(1), 3, 0))
    """)
    assert ran.lines == ["EPERM", "EPERM", "EPERM"]


def test_the_session_keyring_is_not_the_callers(room: Room) -> None:
    number = NUMBERS["keyctl"]
    ours = ctypes.CDLL(None).syscall(number, 0, -3, 1)
    ran = room.python(f"print(libc.syscall({number}, 0, -3, 0))")
    assert int(ran.output) > 0
    assert int(ran.output) != ours


def test_the_root_cannot_be_left(room: Room) -> None:
    ran = room.python("print(attempt(os.chroot, '/tmp'), attempt(libc.setns, 0, 0))")
    assert ran.lines[0].split()[0] == "EPERM"
    assert "ok" not in ran.output


def test_the_kernels_log_and_names_are_out_of_reach(room: Room) -> None:
    ran = room.python("""
        print(attempt(libc.sethostname, b"x", 1), attempt(libc.klogctl, 5, 0, 0))
    """)
    assert ran.lines == ["EPERM EPERM"]
