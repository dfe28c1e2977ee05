"""What a test run sees: starting a service, where it is, what it printed, stopping it.

Each service is kept by a process of its own (`pipeline.testing.keeper`), which removes it when it
is told to, and as well when the test run ends in any other way. So the run itself gets no threads
or connections that could get in the way of what is tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from pipeline import errors
from pipeline.errors import EngineUnavailableError, PipelineError, ServiceError
from pipeline.testing.order import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PACKAGES = str(Path(__file__).resolve().parents[2])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.testing.keeper import main; main()"
STOPPING_SECONDS = 30.0
LINES = 20


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that is ready: ``host`` and ``port`` are where tests reach it.

    ``name`` is unique among all test runs of this machine, ``engine`` is ``sandbox`` or ``docker``.
    """

    host: str
    port: int
    name: str
    engine: str
    _log: Path = field(repr=False)
    _keeper: _Keeper = field(repr=False, compare=False)

    @property
    def address(self) -> str:
        """``HOST:PORT``."""
        return f"{self.host}:{self.port}"

    def logs(self) -> str:
        """Return what it has printed so far; it may be asked after its end, too."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Remove it with all that it wrote. A second call does nothing."""
        self._keeper.stop()


class Services:
    """Starts services for one process of a test run, and stops them at its end.

    ``directory`` lies in the project, whose images there are; ``logs`` is where output goes;
    ``slot`` tells this process from those beside it; ``unavailable`` is called where no engine
    works, and may raise something of its own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        logs: Path,
        slot: str = "main",
        unavailable: Callable[[EngineUnavailableError], None] = lambda _: None,
    ) -> None:
        self._directory = directory
        self._logs = logs
        self._slot = slot
        self._unavailable = unavailable
        self._keepers: list[_Keeper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every service, the last one first."""
        while self._keepers:
            self._keepers.pop().stop()

    def start(
        self,
        image: str,
        command: Sequence[str],
        *,
        port: int,
        ready: str | Sequence[str] = "",
        seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
        name: str = "",
        host_port: int = 0,
        user: int = 0,
    ) -> Service:
        """Start ``command`` in a container of the project's image and wait until it is ready.

        ``port`` is where it listens inside, on all addresses; `Service.port` is the one to connect
        to, any that is free unless ``host_port`` says which. It is ready when that port answers;
        or, with a text in ``ready``, when its output holds that; or, with a list, when that command
        succeeds inside. ``seconds`` bounds the wait. ``environment`` is added to the image's.
        ``user`` is the number it runs as, for programs that refuse to be root.

        Raises ServiceError with the last it printed when it ends or does not become ready, or when
        ``name`` or ``host_port`` is taken; UsageError, ConfigError, LockError (the image is not
        locked), NetworkError; EngineUnavailableError where ``unavailable`` raises nothing.
        Whatever is raised, nothing is left.
        """
        name = name or f"pipeline-{image}-{self._slot}-{os.getpid()}-{os.urandom(3).hex()}"
        log = self._logs / f"{name}.log"
        order = Order(
            directory=str(self._directory),
            owner=os.getpid(),
            name=name,
            image=image,
            command=tuple(command),
            port=port,
            host_port=host_port,
            user=user,
            line=ready if isinstance(ready, str) else "",
            check=() if isinstance(ready, str) else tuple(ready),
            seconds=seconds,
            environment=tuple((environment or {}).items()),
            log=str(log),
        )
        keeper = _Keeper(order)
        try:
            told = keeper.answer()
        except EngineUnavailableError as error:
            self._unavailable(error)
            raise
        self._keepers.append(keeper)
        return Service(name=name, _log=log, _keeper=keeper, **told)


class _Keeper:
    """The process that keeps one service, seen from the test run."""

    def __init__(self, order: Order) -> None:
        self._name = order.name
        self._words = Path(order.log).with_suffix(".keeper")
        Path(order.log).touch()
        with self._words.open("wb") as words:
            # In a session of its own, so that a terminal's Ctrl-C leaves ending it to us.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, _PACKAGES],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                start_new_session=True,
            )
        self._order = order

    def answer(self) -> dict[str, Any]:
        """Hand the order over and return where the service is once it is ready."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ValueError(self._process)
        try:
            with suppress(BrokenPipeError):
                stdin.write(self._order.line_of())
                stdin.flush()
            told = json.loads(stdout.readline() or "{}")
            if "service" not in told:
                _raise(told.get("error") or self._silent())
        except BaseException:
            self.stop()
            raise
        return dict(told["service"])

    def stop(self) -> None:
        """Let the process remove its service and end."""
        process = self._process
        with suppress(BrokenPipeError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def _silent(self) -> dict[str, Any]:
        lines = self._words.read_text(encoding="utf-8", errors="replace").splitlines()
        return {
            "kind": ServiceError.__name__,
            "message": f"the process that keeps the service `{self._name}` ended unexpectedly",
            "detail": lines[-LINES:],
        }


def _raise(told: Mapping[str, Any]) -> NoReturn:
    """Raise the error that a keeper told of, with what a person needs as notes."""
    kind: type[PipelineError] = getattr(errors, told["kind"])
    detail, hint = tuple(told.get("detail", ())), told.get("hint", "")
    error = kind(told["message"], where=told.get("where", ""), hint=hint, detail=detail)
    for note in (*detail, *([f"hint: {hint}"] if hint else [])):
        error.add_note(note)
    raise error
