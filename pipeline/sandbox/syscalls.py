"""System calls that `os` lacks, each of which raises an OSError with its name and path.

The one module that knows ctypes. Used by the launcher child only, which must start within
milliseconds: hence no `typing`, no `signal` (they cost as much as all the mounts together).
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000

# Numbers from 403 on are the same on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _CLOSE_RANGE, _OPENAT2, _MOUNT_SETATTR = 428, 429, 436, 437, 442
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_KEYCTL, _PIVOT_ROOT = {"x86_64": (250, 155), "aarch64": (219, 41)}[os.uname().machine]

# For mount and mount_setattr.
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
_MNT_DETACH = 2

# For openat2.
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT = 0x02, 0x04, 0x10

# For unshare.
NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

# For prctl.
PDEATHSIG, DUMPABLE, SECCOMP, CAPBSET_DROP, SECUREBITS, NO_NEW_PRIVS, AMBIENT = (
    1, 4, 22, 24, 28, 38, 47,
)  # fmt: skip


class CallError(OSError):
    """An OSError that knows which system call failed."""

    def __init__(self, call: str, path: str, number: int) -> None:
        super().__init__(number, f"{call}: {os.strerror(number)}", path)
        self.call = call


def _checked(result: int, call: str, path: str) -> int:
    if result < 0:
        raise CallError(call, path, ctypes.get_errno())
    return result


def _call(call: str, path: str, number: int, *arguments: int | bytes | ctypes.Structure) -> int:
    words = [
        ctypes.c_long(word)
        if isinstance(word, int)
        else ctypes.byref(word)
        if isinstance(word, ctypes.Structure)
        else word
        for word in arguments
    ]
    return _checked(_libc.syscall(ctypes.c_long(number), *words), call, path)


def prctl(call: str, option: int, second: int = 0, third: int = 0) -> None:
    """Change an attribute of this process (prctl(2)); ``call`` names it should it fail."""
    words = (ctypes.c_ulong(word) for word in (second, third, 0, 0))
    _checked(_libc.prctl(option, *words), f"prctl {call}", "")


def unshare(flags: int) -> None:
    """Leave the caller's namespaces (unshare(2))."""
    _checked(_libc.unshare(flags), "unshare", "")


def setns(descriptor: int) -> None:
    """Enter the namespace that a file of ``/proc/PID/ns`` stands for (setns(2))."""
    _checked(_libc.setns(descriptor, 0), "setns", "")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system, or bind one (mount(2))."""
    words = (os.fsencode(word) if word else None for word in (source, target, kind))
    result = _libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _checked(result, f"mount {kind or 'bind'}", target)


def detach(path: str) -> None:
    """Unmount now and let go of it once unused (umount2(2), MNT_DETACH)."""
    _checked(_libc.umount2(os.fsencode(path), _MNT_DETACH), "umount", path)


def pivot_root(new_root: str, put_old: str) -> None:
    """Change the root mount (pivot_root(2))."""
    _call("pivot_root", new_root, _PIVOT_ROOT, os.fsencode(new_root), os.fsencode(put_old))


def clone_tree(path: str) -> int:
    """Return a detached copy of the mounts at and below ``path`` (open_tree(2))."""
    flags = 1 | os.O_CLOEXEC | _AT_RECURSIVE  # OPEN_TREE_CLONE
    return _call("open_tree", path, _OPEN_TREE, AT_FDCWD, os.fsencode(path), flags)


def attach(tree: int, target: int, path: str) -> None:
    """Put a detached mount onto what ``target`` is open on (move_mount(2)); ``path`` names it."""
    flags = 0x04 | 0x40  # MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH
    _call("move_mount", path, _MOVE_MOUNT, tree, b"", target, b"", flags)


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))


def restrict(tree: int, attributes: int, path: str, *, below: bool = True) -> None:
    """Set mount attributes on the mount ``tree`` is open on, and on all ``below`` it.

    mount_setattr(2); unlike a remount it never drops the flags that a user namespace must keep.
    """
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if below else 0)
    wanted = _MountAttributes(attributes, 0, 0, 0)
    size = ctypes.sizeof(wanted)
    _call("mount_setattr", path, _MOUNT_SETATTR, tree, b"", flags, wanted, size)


class _OpenHow(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("flags", "mode", "resolve"))


def open_path(root: int, path: str, flags: int, resolve: int) -> int:
    """openat2(2): open ``path`` below the descriptor ``root`` under the ``resolve`` rules."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    name = os.fsencode(path)
    return _call("openat2", path, _OPENAT2, root, name, how, ctypes.sizeof(how))


def close_on_exec_from(first: int) -> None:
    """Have every descriptor from ``first`` on closed by execve (close_range(2))."""
    _call("close_range", "", _CLOSE_RANGE, first, 0xFFFFFFFF, 4)  # CLOSE_RANGE_CLOEXEC


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on (close_range(2))."""
    _call("close_range", "", _CLOSE_RANGE, first, 0xFFFFFFFF, 0)


def set_names(host: str) -> None:
    """Set the host name, and no domain (sethostname(2))."""
    name = host.encode()
    _checked(_libc.sethostname(name, ctypes.c_size_t(len(name))), "sethostname", host)
    _checked(_libc.setdomainname(b"", ctypes.c_size_t(0)), "setdomainname", "")


def new_session_keyring() -> None:
    """Leave the caller's session keyring (keyctl(2), KEYCTL_JOIN_SESSION_KEYRING)."""
    _call("keyctl", "", _KEYCTL, 1, 0)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets (capset(2), version 3)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset", "")


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def load_filter(program: bytes) -> None:
    """Install a seccomp filter (prctl(2), PR_SET_SECCOMP); no_new_privs must be set."""
    filled = _FilterProgram(len(program) // 8, program)
    prctl("SECCOMP", SECCOMP, 2, ctypes.addressof(filled))


class _Ruleset(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "network", "scoped"))


def scope_abstract_sockets() -> None:
    """Cut off abstract sockets and signals of outside (landlock(7), ABI 6).

    They belong to the network namespace, so that with the host's network this is their only wall.
    """
    ruleset = _Ruleset(0, 0, 1 | 2)
    size = ctypes.sizeof(ruleset)
    rules = _call("landlock_create_ruleset", "", _LANDLOCK_CREATE_RULESET, ruleset, size, 0)
    _call("landlock_restrict_self", "", _LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)


def raise_loopback() -> None:
    """Set the interface ``lo`` up (netdevice(7), SIOCSIFFLAGS)."""
    endpoint = _checked(_libc.socket(1, 1 | os.O_CLOEXEC, 0), "socket", "")
    request = b"lo".ljust(16, b"\0") + b"\1\0".ljust(24, b"\0")  # struct ifreq with IFF_UP
    buffer = ctypes.create_string_buffer(request, 40)
    _checked(_libc.ioctl(endpoint, ctypes.c_ulong(0x8914), buffer), "raise", "lo")
    os.close(endpoint)


_KEYBOARD = (2, 3, 20, 22)  # SIGINT, SIGQUIT, SIGTSTP, SIGTTOU


def ignore_keyboard() -> None:
    """Leave the terminal, and the keys that signal, to the program that shall have it."""
    for number in _KEYBOARD:
        _libc.signal(number, ctypes.c_void_p(1))


def default_signals() -> None:
    """Undo what we and Python ignore (SIGPIPE, SIGXFSZ) before another program takes over."""
    for number in (*_KEYBOARD, 13, 25):
        _libc.signal(number, None)
