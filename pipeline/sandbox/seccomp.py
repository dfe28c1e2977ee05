"""The system-call filter: an allow-list, compiled to classic BPF.

The kernel runs the program on every system call of the step (seccomp(2),
Documentation/userspace-api/seccomp_filter.rst). It can only look at numbers, so that what must be
told apart by a path or a structure is the business of the namespaces. The call's number is found
by binary search; a few calls are judged by their arguments, of which the kernel reads 32 bits
wherever we compare 32 bits (an `ioctl` request with rubbish in the upper half is still that
request: CVE-2017-5226, CVE-2023-28100).
"""

from __future__ import annotations

import errno
import functools
import struct

from pipeline.sandbox import calls

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
Block = tuple[Instruction, ...]  # ends in returns on every path; jumps stay inside

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP, _EQUAL, _AT_LEAST, _ANY_BIT = 0x05, 0x15, 0x35, 0x45

_ARCHITECTURE, _NUMBER = 4, 0  # offsets in struct seccomp_data
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

ALLOW = 0x7FFF0000
KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS

CLONE_NEW = 0x7E020000  # NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET
CLONE_NEWTIME = 0x80  # in clone() the same bit belongs to the exit signal
TIOCSTI, TIOCSETD, TIOCLINUX = 0x5412, 0x5423, 0x541C
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
# PER_LINUX, with ADDR_NO_RANDOMIZE (`setarch -R`), PER_LINUX32, and the query.
PERSONALITIES = (0x0, 0x0040000, 0x8, 0xFFFFFFFF)
S_IFMT, S_IFCHR, S_IFBLK = 0o170000, 0o020000, 0o060000


def refuse(number: int) -> int:
    """Return the verdict that makes the call fail with that errno (0: succeed, not done)."""
    return 0x00050000 | number


@functools.cache
def program(machine: str) -> bytes:
    """Return the filter for ``machine`` (``uname -m``) as an array of struct sock_filter.

    KeyError for a machine that has no table.
    """
    code: Block = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_search(_intervals(_verdicts(machine))),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _verdicts(machine: str) -> dict[int, Block]:
    """Return what happens to each call that is known, by number."""
    found: dict[int, Block] = {}
    for number in calls.numbers(calls.ALLOWED, machine).values():
        found[number] = _give(ALLOW)
    for number in calls.numbers(calls.PRETENDED, machine).values():
        found[number] = _give(refuse(0))
    for number in calls.numbers(calls.REFUSED, machine).values():
        found[number] = _give(refuse(errno.EPERM))
    for name, number in calls.numbers(calls.CHECKED, machine).items():
        found[number] = _CHECKS[name]
    return found


def _intervals(verdicts: dict[int, Block]) -> list[tuple[int, Block]]:
    """Return ascending starts, from zero, and what holds from there up to the next start.

    Everything unknown, and with it the x32 calls above `_X32`, is ENOSYS.
    """
    unknown = _give(refuse(errno.ENOSYS))
    found = [(0, verdicts.get(0, unknown))]
    for number in range(1, max(verdicts) + 2):
        block = verdicts.get(number, unknown)
        if block != found[-1][1]:
            found.append((number, block))
    return found


def _search(intervals: list[tuple[int, Block]]) -> Block:
    if len(intervals) == 1:
        return intervals[0][1]
    middle = len(intervals) // 2
    lower, upper = _search(intervals[:middle]), _search(intervals[middle:])
    start = intervals[middle][0]
    if len(lower) <= 255:
        return ((_AT_LEAST, len(lower), 0, start), *lower, *upper)
    # A conditional jump reaches 255 instructions, an unconditional one any number.
    return ((_AT_LEAST, 0, 1, start), (_JUMP, 0, 0, len(lower)), *lower, *upper)


def _give(verdict: int) -> Block:
    return ((_RETURN, 0, 0, verdict),)


def _argument(index: int) -> Instruction:
    """Load the lower 32 bits of an argument (both machines are little-endian)."""
    return (_LOAD, 0, 0, 16 + 8 * index)


def _one_of(values: tuple[int, ...], then: Block, otherwise: Block) -> Block:
    """Go on with ``then`` where the accumulator is one of ``values``."""
    tests = tuple(
        (_EQUAL, len(values) - place - 1 + len(otherwise), 0, value)
        for place, value in enumerate(values)
    )
    return (*tests, *otherwise, *then)


def _no_bits(index: int, mask: int) -> Block:
    bad = _give(refuse(errno.EPERM))
    return (_argument(index), (_ANY_BIT, 0, len(bad), mask), *bad, *_give(ALLOW))


def _no_device(mode_index: int) -> Block:
    kind = ((_AND, 0, 0, S_IFMT),)
    bad = _give(refuse(errno.EPERM))
    return (_argument(mode_index), *kind, *_one_of((S_IFCHR, S_IFBLK), bad, _give(ALLOW)))


def _families() -> Block:
    """Allow local, IP and routing sockets, and nothing that reaches further into the kernel.

    AF_VSOCK would reach the hypervisor past an empty network namespace; AF_ALG, AF_PACKET and the
    rarer families are where privilege bugs live.
    """
    bad, good = _give(refuse(errno.EAFNOSUPPORT)), _give(ALLOW)
    route = (_argument(2), *_one_of((0,), good, bad))
    rest = ((_EQUAL, 0, len(route), AF_NETLINK), *route, *bad)
    return (_argument(0), *_one_of((AF_UNIX, AF_INET, AF_INET6), good, rest))


_REFUSE = _give(refuse(errno.EPERM))
_CHECKS = {
    "clone": _no_bits(0, CLONE_NEW),
    "unshare": _no_bits(0, CLONE_NEW | CLONE_NEWTIME),
    "ioctl": (_argument(1), *_one_of((TIOCSTI, TIOCSETD, TIOCLINUX), _REFUSE, _give(ALLOW))),
    "socket": _families(),
    "socketpair": _families(),
    "personality": (_argument(0), *_one_of(PERSONALITIES, _give(ALLOW), _REFUSE)),
    "mknod": _no_device(1),
    "mknodat": _no_device(2),
}
