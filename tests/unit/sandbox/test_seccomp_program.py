"""The filter, run by a small interpreter of the BPF that the kernel accepts for seccomp."""

from __future__ import annotations

import errno
import struct

import pytest

from pipeline.sandbox import calls, seccomp

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = sorted(AUDIT)
EPERM, ENOSYS, UNFAMILIAR = (
    seccomp.refuse(number) for number in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)
)
TABLES = (calls.ALLOWED, calls.CHECKED, calls.PRETENDED, calls.REFUSED)


def number_of(name: str, machine: str) -> int:
    known: dict[str, int] = {}
    for table in TABLES:
        known |= calls.numbers(table, machine)
    return known[name]


def run(program: bytes, data: bytes) -> int:
    """Return the verdict; IndexError where a jump leaves the program."""
    code = list(struct.iter_unpack("=HBBI", program))
    place, accumulator = 0, 0
    while True:
        operation, yes, no, operand = code[place]
        place += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x05:
                place += operand
            case 0x15:
                place += yes if accumulator == operand else no
            case 0x35:
                place += yes if accumulator >= operand else no
            case 0x45:
                place += yes if accumulator & operand else no
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(f"{operation:#x} is not expected")


def verdict(machine: str, number: int, *arguments: int, audit: int = 0) -> int:
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, audit or AUDIT[machine], 0, *words)
    return run(seccomp.program(machine), data)


def by_name(machine: str, name: str, *arguments: int) -> int:
    return verdict(machine, number_of(name, machine), *arguments)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (calls.ALLOWED, seccomp.ALLOW),
        (calls.PRETENDED, seccomp.refuse(0)),
        (calls.REFUSED, EPERM),
    ],
    ids=["allowed", "pretended", "refused"],
)
def test_every_call_of_a_table_gets_the_tables_verdict(
    machine: str, table: str, expected: int
) -> None:
    for name, number in calls.numbers(table, machine).items():
        assert verdict(machine, number) == expected, name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_other_number_is_unknown(machine: str) -> None:
    known = {number for table in TABLES for number in calls.numbers(table, machine).values()}
    for number in set(range(1200)) - known:
        assert verdict(machine, number) == ENOSYS, number
    assert verdict(machine, 0x7FFFFFFF) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_clone3_and_io_uring_are_unknown_so_that_libraries_fall_back(machine: str) -> None:
    for number in (435, 425, 426, 427):
        assert verdict(machine, number) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_no_call_is_in_two_tables(machine: str) -> None:
    numbers = [number for table in TABLES for number in calls.numbers(table, machine).values()]
    assert len(numbers) == len(set(numbers))


def test_another_architecture_is_killed() -> None:
    i386 = 0x40000003
    assert verdict("x86_64", number_of("read", "x86_64"), audit=i386) == seccomp.KILL
    assert verdict("aarch64", 63, audit=AUDIT["x86_64"]) == seccomp.KILL


def test_x32_calls_are_unknown() -> None:
    for name in ("read", "mount", "ptrace", "clone"):
        assert verdict("x86_64", 0x40000000 | number_of(name, "x86_64")) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
)
def test_a_new_namespace_is_refused_and_a_new_thread_is_not(machine: str, flag: int) -> None:
    thread = 0x003D0F00  # what pthread_create asks for
    assert by_name(machine, "clone", thread) == seccomp.ALLOW
    for name in ("clone", "unshare"):
        assert by_name(machine, name, flag) == EPERM
        assert by_name(machine, name, thread | flag | 1 << 40) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_a_new_time_namespace_is_refused_where_the_bit_means_that(machine: str) -> None:
    assert by_name(machine, "unshare", 0x80) == EPERM
    assert by_name(machine, "clone", 0x80) == seccomp.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("request_", [0x5412, 0x5423, 0x541C])
def test_a_terminal_request_is_refused_whatever_its_upper_half(machine: str, request_: int) -> None:
    for upper in (0, 1 << 32, 0xFFFFFFFF << 32):
        assert by_name(machine, "ioctl", 0, upper | request_) == EPERM
    assert by_name(machine, "ioctl", 0, 0x5413) == seccomp.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["socket", "socketpair"])
def test_only_local_ip_and_routing_sockets_can_be_made(machine: str, call: str) -> None:
    allowed = {1, 2, 10, 16}
    for family in range(64):
        expected = seccomp.ALLOW if family in allowed else UNFAMILIAR
        assert by_name(machine, call, family, 1, 0) == expected
    assert by_name(machine, call, 1 << 32 | 40, 1, 0) == UNFAMILIAR
    assert by_name(machine, call, 16, 3, 9) == UNFAMILIAR  # NETLINK_AUDIT


@pytest.mark.parametrize("machine", MACHINES)
def test_only_harmless_personalities_can_be_taken(machine: str) -> None:
    assert by_name(machine, "personality", 0x0040000) == seccomp.ALLOW
    assert by_name(machine, "personality", 0xFFFFFFFF) == seccomp.ALLOW
    assert by_name(machine, "personality", 0x0100000) == EPERM  # MMAP_PAGE_ZERO


@pytest.mark.parametrize("machine", MACHINES)
def test_device_nodes_cannot_be_made_and_fifos_can(machine: str) -> None:
    for kind in (0o020000, 0o060000):
        assert by_name(machine, "mknodat", 0, 0, kind | 0o666) == EPERM
    assert by_name(machine, "mknodat", 0, 0, 0o010666) == seccomp.ALLOW
    assert by_name(machine, "mknodat", 0, 0, 0o100644) == seccomp.ALLOW


def test_a_machine_without_a_table_has_no_filter() -> None:
    with pytest.raises(KeyError):
        seccomp.program("riscv64")
