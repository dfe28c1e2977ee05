"""What the step's program may not do any more, taken away just before it starts."""

from __future__ import annotations

import os
import resource

from pipeline.sandbox import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pipeline.sandbox.wire import LimitsWire, Wire

# NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE and their locks, KEEP_CAPS locked off
# (capabilities(7)): uid 0 and set-user-id programs gain nothing, and that cannot be changed back.
_SECUREBITS = 0b11101111 & ~0b00010000
_LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"
_OPEN_FILES = (1024, 65536)
_STACK = 8 << 20
_ABSENT = (22, 38, 95)  # EINVAL, ENOSYS, EOPNOTSUPP: no Landlock, or one without scopes


def drop_capabilities() -> None:
    """Empty all five sets for good: ambient, bounding, effective, permitted, inheritable."""
    handle = os.open(_LAST_CAPABILITY, os.O_RDONLY | os.O_CLOEXEC)
    last = int(os.read(handle, 16))
    os.close(handle)
    syscalls.prctl("SECUREBITS", syscalls.SECUREBITS, _SECUREBITS)
    syscalls.prctl("AMBIENT", syscalls.AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    for capability in range(last + 1):
        syscalls.prctl("CAPBSET_DROP", syscalls.CAPBSET_DROP, capability)
    syscalls.drop_capabilities()


def set_limits(limits: LimitsWire, *, in_cgroup: bool) -> None:
    """Set resource limits, soft and hard, the same whatever the caller's are (setrlimit(2)).

    A caller's hard limit that is lower stays. Memory, where no cgroup holds it, is bounded by
    RLIMIT_DATA: what a process can write to; RLIMIT_AS would also count what is only reserved.
    """
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_STACK: (_STACK, resource.RLIM_INFINITY),
    }
    if limits["processes"]:
        wanted[resource.RLIMIT_NPROC] = (limits["processes"], limits["processes"])
    if limits["file_size"]:
        wanted[resource.RLIMIT_FSIZE] = (limits["file_size"], limits["file_size"])
    if limits["memory"] and not in_cgroup:
        wanted[resource.RLIMIT_DATA] = (limits["memory"], limits["memory"])
    for kind, (soft, hard) in wanted.items():
        allowed = resource.getrlimit(kind)[1]
        if allowed != resource.RLIM_INFINITY:
            hard = allowed if hard == resource.RLIM_INFINITY else min(hard, allowed)  # noqa: PLW2901
            soft = min(soft, hard)  # noqa: PLW2901
        resource.setrlimit(kind, (soft, hard))


def lock_down(spec: Wire, program: bytes) -> None:
    """Give everything up; after this only `execve` is left to do."""
    drop_capabilities()
    syscalls.prctl("NO_NEW_PRIVS", syscalls.NO_NEW_PRIVS, 1)
    if spec["network"] == "host":
        try:
            syscalls.scope_abstract_sockets()
        except syscalls.CallError as error:
            if error.errno not in _ABSENT:
                raise
    syscalls.load_filter(program)


def refuse_magic(program: str) -> None:
    """Raise CallError (ELOOP) where running ``program`` would lead through a link of `/proc`.

    An image whose `/bin/sh` is a link to `/proc/self/exe`, or a script with that interpreter,
    would run the host's own Python, which is what we still are, and hold a descriptor on the
    host's file (CVE-2019-5736). So each file of the chain is opened without such links first.
    """
    for _ in range(6):  # the kernel follows five interpreters
        handle = syscalls.open_path(
            syscalls.AT_FDCWD, program, os.O_RDONLY, syscalls.RESOLVE_NO_MAGICLINKS
        )
        words = os.read(handle, 256).split(b"\n")[0].strip()
        os.close(handle)
        if not words.startswith(b"#!"):
            return
        program = os.fsdecode(words[2:].split()[0]) if words[2:].split() else ""
