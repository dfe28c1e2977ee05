"""Going into a step that runs, from outside: a way to its port, and a command beside it.

Each is a process of its own (`setns(2)` refuses a user namespace to one with threads), started as
``python -I -S -c`` like the launcher child. A step's namespaces are those of its launcher.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
import time

from pipeline.sandbox import privileges, syscalls
from pipeline.sandbox.child import execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import NoReturn

    from pipeline.sandbox.wire import Wire

_PAUSE = 0.002
_CHUNK = 1 << 16
_LOOPBACK = "127.0.0.1"


def forward() -> NoReturn:
    """Pass connections on to a port of a step, until standard input ends.

    The words are a descriptor that listens on the host, the launcher's process id, the port. One
    byte on standard output says that it has begun. The step keeps a network of its own: what it
    reaches is its own loopback, and nothing of the host.
    """
    import asyncio  # noqa: PLC0415 - a command does without

    descriptor, launcher, port = map(int, sys.argv[2:5])
    listener = socket.socket(fileno=descriptor)
    _join(launcher, ("user", "net"))
    asyncio.run(_serve(listener, port))
    os._exit(0)


def command() -> NoReturn:
    """Run a command in the place of a step, with as few rights; end with its exit status.

    The word is the launcher's process id. Standard input holds, marshalled, the step's
    specification with the command in it, and the program that filters system calls.
    """
    spec: Wire
    spec, program = marshal.load(sys.stdin.buffer)  # noqa: S302 - from our own parent, on a pipe
    # Who is inside must not trace us or look through our descriptors before we are the command.
    syscalls.prctl("DUMPABLE", syscalls.DUMPABLE, 0)
    _join(int(sys.argv[2]), ("user", "pid_for_children", "ipc", "uts", "net", "mnt"))
    child = os.fork()
    if not child:
        _become(spec, program)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


def _become(spec: Wire, program: bytes) -> NoReturn:
    try:
        os.chdir(spec["cwd"])
        os.setsid()
        os.umask(spec["umask"])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        syscalls.default_signals()
        syscalls.close_on_exec_from(3)
        privileges.set_limits(spec["limits"], in_cgroup=False)
        privileges.lock_down(spec, program)
        execute(spec["argv"], dict(spec["env"]))
    except BaseException as error:  # noqa: BLE001 - nothing of ours may go on in here
        os.write(2, f"{error}\n".encode(errors="replace"))
        os._exit(1)


def _join(launcher: int, kinds: tuple[str, ...]) -> None:
    """Enter namespaces of a step once it has them; OSError when it is gone."""
    ours = os.stat("/proc/self/ns/user").st_ino
    while os.stat(f"/proc/{launcher}/ns/user").st_ino == ours:
        time.sleep(_PAUSE)
    opened = [os.open(f"/proc/{launcher}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    for descriptor in opened:
        syscalls.setns(descriptor)
        os.close(descriptor)


async def _serve(listener: socket.socket, port: int) -> None:
    import asyncio  # noqa: PLC0415

    held = set()  # the loop itself holds its tasks weakly, and a connection held by none is dropped

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        held.add(task)
        try:
            inner = await asyncio.open_connection(_LOOPBACK, port)
        except OSError:
            writer.transport.abort()  # as where nobody listens
        else:
            await asyncio.gather(_pass_on(reader, inner[1]), _pass_on(inner[0], writer))
            for end in (writer, inner[1]):
                end.close()
        finally:
            held.discard(task)

    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, over.set)
    async with await asyncio.start_server(connected, sock=listener):
        os.write(1, b".")
        await over.wait()
        os._exit(0)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end, and say to the other side that it ended."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
