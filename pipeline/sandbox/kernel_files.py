"""What the kernel shows inside: `/proc`, masked, and a `/dev` of our own. There is no `/sys`."""

from __future__ import annotations

import os

from pipeline.sandbox import syscalls
from pipeline.sandbox.mounts import mount_onto
from pipeline.sandbox.syscalls import (
    ATTR_NODEV,
    ATTR_NOEXEC,
    ATTR_NOSUID,
    ATTR_RDONLY,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pipeline.sandbox.mounts import Root

# What programs read. All other names are covered, those included that a later kernel brings: some
# can harm the host when its real root runs us (`sysrq-trigger`), some tell about it (`keys`).
_SHOWN = frozenset(
    [
        "cgroups",
        "cmdline",
        "cpuinfo",
        "devices",
        "diskstats",
        "filesystems",
        "interrupts",
        "loadavg",
        "meminfo",
        "misc",
        "mounts",
        "net",
        "partitions",
        "self",
        "softirqs",
        "stat",
        "swaps",
        "sys",
        "sysvipc",
        "thread-self",
        "uptime",
        "version",
        "vmstat",
        "zoneinfo",
    ]
)
_NODES = ("full", "null", "random", "tty", "urandom", "zero")
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
_SHARED_MEMORY = 256 << 20
_HOSTS = "127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_PID_RESERVED = 300  # pids below are not used again once they have wrapped (kernel/pid.c)


def mount_proc(root: Root, processes: int, *, user: int) -> None:
    """Mount a fresh `/proc` that shows only the step's own processes and harmless files.

    ``hidepid=ptraceable`` hides pid 1, whose command line holds paths of the host. Before `sys` is
    made read-only we close the door to further user namespaces, and bound the process ids. A
    program that is to be another ``user`` than root is put into the one that there may be.
    """
    point = root.directory("/proc")
    mount_onto(point, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=ptraceable")
    os.close(point)
    proc = root.directory("/proc")
    _write(proc, "sys/user/max_user_namespaces", "1" if user else "0")
    if processes and _kernel() >= (6, 14):
        # Before 6.14 this was one number for the whole machine.
        _write(proc, "sys/kernel/pid_max", str(processes + _PID_RESERVED))
    _mask(root, proc)
    os.close(proc)


def _kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor[:3])) or 0)


def _write(directory: int, path: str, value: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
        os.write(handle, value.encode())
        os.close(handle)
    except OSError as error:
        raise syscalls.CallError("write", f"/proc/{path}", error.errno or 0) from error


def _mask(root: Root, proc: int) -> None:
    """Cover what is not shown by empty things of our own, and make `sys` read-only.

    `/proc` is the kernel's, so that paths below it are safe from links of the step's making.
    """
    _make_blanks(root.staging)
    os.fchdir(proc)
    for name in os.listdir("."):  # `proc` itself is O_PATH and cannot be listed
        if name in _SHOWN or name.isdigit():
            continue
        kind = "directory" if os.path.isdir(name) else "file"
        syscalls.mount(f"{root.staging}/blank/{kind}", name, "", MS_BIND)
    syscalls.mount("sys", "sys", "", MS_BIND)
    system = os.open("sys", os.O_PATH | os.O_CLOEXEC, dir_fd=proc)
    syscalls.restrict(system, ATTR_RDONLY, "/proc/sys")
    os.close(system)
    os.chdir("/")


def _make_blanks(staging: str) -> None:
    """Make an empty file and directory that nothing can be written to."""
    os.mkdir(f"{staging}/blank", 0o555)
    syscalls.mount("blank", f"{staging}/blank", "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=0555")
    os.mkdir(f"{staging}/blank/directory", 0o555)
    os.close(os.open(f"{staging}/blank/file", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
    blank = os.open(f"{staging}/blank", os.O_PATH | os.O_CLOEXEC)
    syscalls.restrict(blank, ATTR_RDONLY, "blank")  # which each bind of it inherits
    os.close(blank)


def mount_dev(root: Root) -> None:
    """Mount a private `/dev`: the harmless nodes, shared memory, terminals of its own.

    `tty` leads to the step's own terminal, and a step that is not looked into by hand has none.
    """
    point = root.directory("/dev")
    mount_onto(point, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,nr_inodes=64,mode=0755")
    os.close(point)
    dev = root.directory("/dev")
    for name in _NODES:
        _bind_node(dev, name)
    for name, target in _LINKS:
        os.symlink(target, name, dir_fd=dev)
    _mount_below(dev, "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
    shared = f"size={_SHARED_MEMORY},nr_inodes=65536,mode=1777"
    _mount_below(dev, "shm", "tmpfs", MS_NODEV, shared)
    _mount_below(dev, "mqueue", "mqueue", MS_NODEV, "")
    syscalls.restrict(dev, ATTR_RDONLY, "/dev", below=False)
    os.close(dev)


def _bind_node(dev: int, name: str) -> None:
    node = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666, dir_fd=dev)
    tree = syscalls.clone_tree(f"/dev/{name}")
    syscalls.restrict(tree, ATTR_NOSUID | ATTR_NOEXEC, f"/dev/{name}")
    syscalls.attach(tree, node, f"/dev/{name}")
    os.close(tree)
    os.close(node)


def _mount_below(dev: int, name: str, kind: str, flags: int, data: str) -> None:
    os.mkdir(name, 0o755, dir_fd=dev)
    point = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dev)
    mount_onto(point, kind, flags | MS_NOSUID | MS_NOEXEC, data)
    os.close(point)


def mount_names(root: Root, hostname: str) -> None:
    """Put an `/etc/hosts` in place that knows us and `localhost`, and nobody else to be asked."""
    _put_file(root, "/etc/hosts", _HOSTS.format(hostname))
    _put_file(root, "/etc/resolv.conf", "")


def _put_file(root: Root, path: str, text: str) -> None:
    source = f"{root.staging}/{os.path.basename(path)}"
    handle = os.open(source, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    os.write(handle, text.encode())
    os.close(handle)
    tree = syscalls.clone_tree(source)
    syscalls.restrict(tree, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, path)
    target = root.mount_point(path, directory=False)
    syscalls.attach(tree, target, path)
    os.close(target)
    os.close(tree)
