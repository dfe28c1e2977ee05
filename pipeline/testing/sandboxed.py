"""A service in the sandbox: a step with a network of its own, and one way in, to its port.

A small process of ours listens on a port of the host and passes connections on to the loopback
inside. The service reaches nothing outside, as in any step. Everything of it dies with us.
"""

from __future__ import annotations

import marshal
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.engines.sandbox import NAME
from pipeline.errors import EngineUnavailableError, ServiceError
from pipeline.sandbox import seccomp
from pipeline.sandbox.launch import SandboxError, launch, launchers, stop_all
from pipeline.sandbox.spec import Overlay, Spec
from pipeline.store import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

    from pipeline.engines.protocol import ImageContext
    from pipeline.store.store import Store
    from pipeline.testing.order import Order

HOST = "127.0.0.1"
PAUSE = 0.005
LISTEN = "0A"
"""The state of a socket that takes connections, in the kernel's tables (TCP_LISTEN)."""
_PACKAGES = str(Path(__file__).resolve().parents[2])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.sandbox.joining import {0}; {0}()"
_KERNEL = ("dev", "proc", "sys")


@dataclass(frozen=True, kw_only=True)
class Sandboxed:
    """A service that runs; see `pipeline.testing.ready.Running`."""

    port: int
    inner: int
    step: Step
    host: str = HOST
    engine: str = NAME

    def ended(self) -> str:
        """Return how it ended; empty while it runs."""
        return self.step.ended

    def listens(self) -> bool:
        """Whether the kernel says so of the network inside (proc(5)).

        A connection would say nothing: our own forwarder takes any.
        """
        for table in ("tcp", "tcp6"):
            with suppress(OSError):
                rows = Path(f"/proc/{self.step.launcher}/net/{table}").read_text().splitlines()[1:]
                if any(_listens(row.split(), self.inner) for row in rows):
                    return True
        return False

    def tried(self, command: tuple[str, ...], pause: Callable[[], None]) -> str:
        """Run a command beside the service: with the same files, network and rights.

        One that is given up ends with the service, as it is in its pid namespace.
        """
        spec = replace(self.step.spec, argv=command)
        program = seccomp.program(os.uname().machine)
        with subprocess.Popen(
            _command("command", self.step.launcher),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _hand_over(process, marshal.dumps((spec.wire(), program)))  # type: ignore[arg-type] # plain
                while process.poll() is None:
                    pause()
            finally:
                process.kill()
        return f"ends with status {process.returncode}" if process.returncode else ""


def _hand_over(process: subprocess.Popen[bytes], data: bytes) -> None:
    with suppress(BrokenPipeError):
        if process.stdin:
            process.stdin.write(data)
            process.stdin.close()


def _listens(fields: list[str], port: int) -> bool:
    return fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port


@contextmanager
def started(order: Order, image: ImageContext, store: Store) -> Iterator[Sandboxed]:
    """Start a service; when the block ends nothing of it is left.

    Raises ServiceError for a name or port that is taken, EngineUnavailableError where the sandbox
    does not work.
    """
    with ExitStack() as stack:
        stack.enter_context(_named(order.name, store))
        listener = stack.enter_context(_listening(order))
        room = stack.enter_context(store.scratch("service"))
        log = stack.enter_context(Path(order.log).open("ab", buffering=0))
        step = stack.enter_context(Step(_specification(order, image, room), log))
        stack.enter_context(_forwarded(listener, step, order.port))
        yield Sandboxed(port=listener.getsockname()[1], inner=order.port, step=step)


@contextmanager
def _named(name: str, store: Store) -> Iterator[None]:
    path = store.root / "locks" / f"service-{name}"
    descriptor = locks.acquire(path, wait=False)
    if descriptor is None:
        raise ServiceError(
            f"there is a service `{name}` already",
            hint="give another `name`, or none, which gives each its own",
        )
    try:
        yield
    finally:
        locks.release(path, descriptor)


@contextmanager
def _listening(order: Order) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, order.host_port))
        except OSError as error:
            raise ServiceError(
                f"the service `{order.name}` cannot have port {order.host_port} of this machine: "
                f"{error.strerror}",
                hint="leave `host_port` out, which takes any port that is free",
            ) from error
        listener.listen(128)
        yield listener


def _specification(order: Order, image: ImageContext, room: Path) -> Spec:
    upper, work = room / "upper", room / "work"
    for directory in (upper, work, *(upper / name for name in _KERNEL)):
        directory.mkdir()
        directory.chmod(0o755)
    layers = tuple(map(str, (*image.layers, *image.derived)))
    return Spec(
        root=Overlay(target="/", lower=layers, upper=str(upper), work=str(work)),
        argv=order.command,
        env=tuple(({"HOME": "/root"} | dict(image.env) | dict(order.environment)).items()),
        cwd=image.workdir,
        hostname=order.name,
        user=order.user,
    )


class Step:
    """A step that runs in a thread of this process, until the block ends."""

    def __init__(self, spec: Spec, log: FileIO) -> None:
        self.spec = spec
        self.ended = ""
        self.launcher = 0
        self._log = log
        self._failure: SandboxError | None = None
        # The launcher dies with the thread that started it, as well as with us.
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.launcher and self._thread.is_alive():
            self.launcher = next(iter(launchers()), 0)
            time.sleep(PAUSE)
        if self._failure:
            raise EngineUnavailableError(
                str(self._failure), hint=self._failure.hint
            ) from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        while self._thread.is_alive():
            stop_all()
            self._thread.join(PAUSE)

    def _run(self) -> None:
        try:
            outcome = launch(self.spec, self._print)
        except KeyboardInterrupt:
            self.ended = "was stopped"
        except SandboxError as error:
            self._failure = error
            self.ended = f"could not be started: {error}"
        else:
            self.ended = f"ended with status {outcome.status}"

    def _print(self, data: bytes) -> None:
        self._log.write(data)


@contextmanager
def _forwarded(listener: socket.socket, step: Step, port: int) -> Iterator[None]:
    """Pass connections on during the block; where the step is gone already, there is nowhere to."""
    if step.ended:
        yield
        return
    listener.set_inheritable(True)
    process = subprocess.Popen(
        _command("forward", listener.fileno(), step.launcher, port),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(listener.fileno(),),
    )
    with process:  # which closes its standard input first
        try:
            _require_begun(process, step)
            yield
        finally:
            process.terminate()


def _require_begun(process: subprocess.Popen[bytes], step: Step) -> None:
    """Wait until connections are passed on; EngineUnavailableError when they cannot be."""
    if process.stdout is None or process.stderr is None or process.stdout.read(1):
        return
    words = process.stderr.read().decode(errors="replace").splitlines() or ["it says nothing"]
    if not step.ended:
        raise EngineUnavailableError(
            f"the network of a service in the sandbox cannot be entered: {words[-1]}",
            hint="take Docker: `PIPELINE_ENGINE=docker`",
        )


def _command(entry: str, *words: int) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", _BOOT.format(entry), _PACKAGES, *map(str, words)]
