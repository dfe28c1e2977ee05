"""The launcher child: a small Python of its own that becomes the sandbox.

It is started as ``python -I -S -c ...`` and imports next to nothing: an empty step shall take 20
milliseconds, and a bare Python takes half of that. Three processes come of it:

launcher   in the caller's pid namespace; makes the namespaces and the user mapping, waits for
           pid 1, kills it when the caller asks or is gone
pid 1      puts up the file system, starts the step's program, reaps what it leaves, and ends with
           it, at which the kernel kills everything else inside
program    gives up its rights and executes what the spec says

Descriptor 3 tells the caller what happened, as a row of marshalled tuples; descriptor 4 gives the
order and, by its end, says that all shall stop.
"""

from __future__ import annotations

import marshal
import os
import select

from pipeline.sandbox import kernel_files, mounts, privileges, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from pipeline.sandbox.wire import Order, Wire

STATUS, CONTROL = 3, 4
_KILL = 9
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells have it
_ENOENT = 2


def main() -> None:
    """Read the order, make the namespaces, start pid 1 and see it to its end."""
    try:
        order = _read_order()
        _live_under(order["parent"])
        spec = order["spec"]
        _prepare(spec, order["cgroup"])
        alive, tie = os.pipe()
        first = os.fork()
        if not first:
            os.close(tie)
            _pid_one(order, alive)
        os.close(alive)
        _watch(first)
    except BaseException as error:  # noqa: BLE001 (whatever it is, the caller hears of it)
        _fail(error)


def _read_order() -> Order:
    """Read a length of eight bytes and that many of marshalled data."""
    wanted = int.from_bytes(_read(8), "little")
    order: Order = marshal.loads(_read(wanted))  # noqa: S302 (from our own parent, on a pipe)
    return order


def _read(wanted: int) -> bytes:
    data = b""
    while len(data) < wanted:
        more = os.read(CONTROL, wanted - len(data))
        if not more:
            os._exit(1)
        data += more
    return data


def _live_under(parent: int) -> None:
    """Die with the caller, even when it was killed before we could ask for that."""
    syscalls.prctl("PDEATHSIG", syscalls.PDEATHSIG, _KILL)
    if os.getppid() != parent:
        os._exit(1)


def _prepare(spec: Wire, cgroup: str) -> None:
    syscalls.close_from(CONTROL + 1)
    os.umask(spec["umask"])
    if spec["interactive"]:
        syscalls.ignore_keyboard()
    else:
        os.setsid()
    if cgroup:
        _write(f"{cgroup}/cgroup.procs", "0")
    syscalls.new_session_keyring()
    user, group = os.geteuid(), os.getegid()
    spaces = syscalls.NEWUSER | syscalls.NEWNS | syscalls.NEWPID | syscalls.NEWIPC
    spaces |= syscalls.NEWUTS | syscalls.NEWCGROUP
    spaces |= syscalls.NEWNET if spec["network"] == "none" else 0
    syscalls.unshare(spaces)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")


def _write(path: str, value: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        os.write(handle, value.encode())
        os.close(handle)
    except OSError as error:
        raise syscalls.CallError("write", path, error.errno or 0) from error


def _watch(first: int) -> NoReturn:
    """Wait for pid 1, which ends only when all inside is dead; kill it when we are told to."""
    end = os.pidfd_open(first)
    poll = select.poll()
    poll.register(end, select.POLLIN)
    poll.register(CONTROL, 0)  # hanging up is always reported
    if all(ready != end for ready, _ in poll.poll()):
        os.kill(first, _KILL)
    status = os.waitpid(first, 0)[1]
    if os.WIFSIGNALED(status):
        _tell("killed", os.WTERMSIG(status))
    os._exit(0)


def _pid_one(order: Order, alive: int) -> NoReturn:
    try:
        _die_with_launcher(alive)
        spec = order["spec"]
        _put_up(spec)
        program = os.fork()
        if not program:
            _become(order)
        syscalls.drop_capabilities()
        _reap(program)
    except BaseException as error:  # noqa: BLE001 (as in `main`)
        _fail(error)


def _die_with_launcher(alive: int) -> None:
    syscalls.prctl("PDEATHSIG", syscalls.PDEATHSIG, _KILL)
    poll = select.poll()
    poll.register(alive, 0)
    if poll.poll(0):  # it died before we could ask
        os._exit(1)
    # From now on nobody inside can trace us or look through our descriptors, whatever their uid.
    syscalls.prctl("DUMPABLE", syscalls.DUMPABLE, 0)


def _put_up(spec: Wire) -> None:
    """Make the step's world and go into it."""
    syscalls.set_names(spec["hostname"])
    if spec["network"] == "none":
        syscalls.raise_loopback()
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    base, others = mounts.gather(spec)
    root = mounts.Root(spec["root"]["upper"], base, others)
    kernel_files.mount_proc(root, spec["limits"]["processes"], user=spec["user"])
    kernel_files.mount_dev(root)
    if spec["network"] == "none":
        kernel_files.mount_names(root, spec["hostname"])
    for source in others:
        mounts.place(root, source)
    mounts.enter(root)
    _tell("made", tuple(root.made))


def _reap(program: int) -> NoReturn:
    """Take in every orphan until the program itself has ended, then end everything.

    A program that asks to be traced (PTRACE_TRACEME) only stops, which is no end.
    """
    while True:
        found, status = os.waitpid(-1, 0)
        if found == program and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            _tell("ended", status)
            os._exit(0)


def _become(order: Order) -> NoReturn:
    """Turn into the step's program; what is ours to fail is told on the status pipe."""
    spec = order["spec"]
    _lead_a_group(interactive=spec["interactive"])
    os.makedirs(spec["cwd"], exist_ok=True)
    os.chdir(spec["cwd"])
    environment = dict(spec["env"])
    if spec["user"]:
        _be(spec["user"])
    syscalls.default_signals()
    syscalls.close_on_exec_from(STATUS)
    privileges.set_limits(spec["limits"], in_cgroup=bool(order["cgroup"]))
    privileges.lock_down(spec, order["filter"])
    if not spec["argv"]:
        os._exit(0)
    execute(spec["argv"], environment)


def _be(user: int) -> None:
    """Become another user than root, in a user namespace below ours, with no further rights."""
    # Without this `/proc/self` is not ours. Nothing else runs in here yet that could trace us.
    syscalls.prctl("DUMPABLE", syscalls.DUMPABLE, 1)
    syscalls.unshare(syscalls.NEWUSER)
    _write("/proc/self/uid_map", f"{user} 0 1")
    _write("/proc/self/gid_map", f"{user} 0 1")
    syscalls.prctl("DUMPABLE", syscalls.DUMPABLE, 0)


def _lead_a_group(*, interactive: bool) -> None:
    """Part from the launcher's process group: `kill 0` in a script reaches all of its group."""
    if not interactive:
        os.setsid()
        return
    os.setpgid(0, 0)
    if os.isatty(0):
        os.tcsetpgrp(0, os.getpid())


def execute(argv: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    """Execute, looking through PATH for a bare name; a program that is not there is its failure."""
    name, failure = argv[0], _ENOENT
    places = [""] if "/" in name else environment.get("PATH", "").split(":")
    for place in places:
        program = os.path.join(place, name)
        try:
            privileges.refuse_magic(program)
            os.execve(program, argv, environment)  # noqa: S606 (that is the point)
        except OSError as error:
            if error.errno != _ENOENT or os.path.lexists(program):
                failure = error.errno or failure
                break
    os.write(2, f"{name}: {os.strerror(failure)}\n".encode(errors="surrogateescape"))
    os._exit(_NOT_FOUND if failure == _ENOENT else _NOT_EXECUTABLE)


def _tell(*message: str | int | tuple[str, ...]) -> None:
    os.write(STATUS, marshal.dumps(message))


def _fail(error: BaseException) -> NoReturn:
    """Tell the caller what failed, and end.

    `os` does not name its calls, so that our function that made the call is named instead.
    """
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = place.tb_frame.f_code.co_name.strip("_") if place else ""
    if isinstance(error, OSError):
        call = getattr(error, "call", where)
        _tell("failed", call, str(error.filename or ""), error.errno or 0)
    else:
        _tell("failed", f"{where}: {type(error).__name__}: {error}", "", 0)
    os._exit(1)
