"""Start a step in a sandbox, stream what it prints, hold it to its bounds, leave nothing behind.

The caller stays out of all namespaces: a small child does the work (`pipeline.sandbox.child`), and
everything of the step dies with it. Threads may launch at the same time.
"""

from __future__ import annotations

import marshal
import os
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.sandbox import cgroup, leftovers, seccomp, terminal
from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.report import Reason, Report
from pipeline.sandbox.spec import Bind
from pipeline.sandbox.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from pipeline.sandbox.spec import Spec
    from pipeline.sandbox.wire import Order

__all__ = ["Outcome", "SandboxError", "launch", "launchers", "stop_all"]

_BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.sandbox.child import main; main()"
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")

_running: set[Watch] = set()
_running_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended.

    ``status`` is its exit code, or 128 and the number of the signal that ended it. ``reason`` says
    who ended it: itself (``exited``), a ``signal``, or the bound that it went over.
    """

    status: int
    reason: Reason
    seconds: float


def launch(spec: Spec, output: Callable[[bytes], None]) -> Outcome:
    """Run one step to its end; ``output`` gets its standard output and error as they come.

    When this returns or raises, every process of the step is dead and every mount is gone; the
    uppers hold what it wrote. Raises SandboxError when the sandbox could not be set up, and
    whatever ``output`` raises; KeyboardInterrupt also in a thread that `stop_all` stops.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        for overlay in spec.overlays:
            leftovers.require_private(overlay.upper)
            stack.callback(leftovers.release_work, overlay.work)
        if spec.interactive:
            stack.enter_context(terminal.lent())
        group = stack.enter_context(cgroup.joined(spec.limits))
        watch = stack.enter_context(_started(spec, _order(spec, group.path)))
        watch.run(output, started)
        watch.finish()
        report = Report.read(watch.told)
        leftovers.remove_mount_points(spec.root.upper, report.made)
        status, reason = report.judge(watch.broken, out_of_memory=group.out_of_memory())
    return Outcome(status=status, reason=reason, seconds=time.monotonic() - started)


def stop_all() -> None:
    """Stop every step of this process; each `launch` under way raises KeyboardInterrupt."""
    with _running_lock:
        for watch in _running:
            watch.interrupt()


def launchers() -> tuple[int, ...]:
    """Return the processes that hold the namespaces of this process's steps (`sandbox.joining`)."""
    with _running_lock:
        return tuple(watch.child for watch in _running)


def _order(spec: Spec, group: str) -> Order:
    if spec.network == "host":
        known = (os.path.realpath(path) for path in _HOST_FILES)
        binds = tuple(
            Bind(source=source, target=target)
            for source, target in zip(known, _HOST_FILES, strict=True)
            if os.path.exists(source)
        )
        spec = replace(spec, mounts=(*binds, *spec.mounts))
    machine = os.uname().machine
    try:
        program = seccomp.program(machine)
    except KeyError as error:
        raise SandboxError(f"no system call table for {machine}") from error
    return {"spec": spec.wire(), "parent": os.getpid(), "filter": program, "cgroup": group}


@contextmanager
def _started(spec: Spec, order: Order) -> Iterator[Watch]:
    """Start the child and give it the order; however this is left, nothing of it lives on."""
    with _Pipes(interactive=spec.interactive) as pipes:
        watch = Watch(spec, pipes.output, pipes.status, pipes.release_control())
        try:
            watch.child = _spawn(pipes)
            pipes.close_far_ends()
            with _running_lock:
                _running.add(watch)
            watch.send(marshal.dumps(order))  # type: ignore[arg-type]  # plain dictionaries
            yield watch
        finally:
            with _running_lock:
                _running.discard(watch)
            watch.finish()


class _Pipes:
    """The pipes of a step: our ends, and the child's until it has them. -1 is a closed one."""

    def __init__(self, *, interactive: bool) -> None:
        # In this order: ascending numbers keep the child's dup2 calls out of each other's way.
        self.output, self.far_output = (-1, -1) if interactive else os.pipe()
        self.status, self.far_status = os.pipe()
        self.far_control, self.control = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_far_ends()
        _close(self.output, self.status, self.release_control())

    def close_far_ends(self) -> None:
        _close(self.far_output, self.far_status, self.far_control)
        self.far_output = self.far_status = self.far_control = -1

    def release_control(self) -> int:
        control, self.control = self.control, -1
        return control


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _spawn(pipes: _Pipes) -> int:
    """Start the child with the five descriptors it needs and an empty environment.

    `posix_spawn` costs the same from a large process as from a small one, and is safe with threads.
    """
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = []
    if pipes.far_output >= 0:
        actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
        actions += [(os.POSIX_SPAWN_DUP2, pipes.far_output, number) for number in (1, 2)]
    actions.append((os.POSIX_SPAWN_DUP2, pipes.far_status, 3))
    actions.append((os.POSIX_SPAWN_DUP2, pipes.far_control, 4))
    command = [sys.executable, "-I", "-S", "-c", _BOOT, _PACKAGES]
    try:
        return os.posix_spawn(
            sys.executable, command, {}, file_actions=actions, setsigmask=(), setsigdef=range(1, 32)
        )
    except OSError as error:
        raise SandboxError("start the launcher child", sys.executable, error.errno or 0) from error
