"""What a test run sees: starting a service, where it is, what it printed, stopping it.

Each service is kept by a process of its own (`pipeline.testing.kept`), so the run itself gets no
threads or connections that could get in the way of what is tested.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from pipeline.errors import EngineUnavailableError, PipelineError, UsageError
from pipeline.testing.kept import Keeper
from pipeline.testing.order import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

NAME = 40
"""How much of an image's name goes into a service's, which is the name of a host."""


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
    _keeper: Keeper = field(repr=False, compare=False)

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
    works, and may raise something of its own. The environment that names engine, daemon and cache
    is today's: tests may change theirs.
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
        self._environ = dict(os.environ)
        self._keepers: list[Keeper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every service, the last one first."""
        while self._keepers:
            self._keepers.pop().stop()

    def printed(self) -> list[tuple[str, str]]:
        """Return the name and the last new lines of each service that has printed since `seen`."""
        found = ((keeper.name, keeper.printed()) for keeper in self._keepers)
        return [(name, lines) for name, lines in found if lines]

    def seen(self) -> None:
        """Take all that was printed so far as known."""
        for keeper in self._keepers:
            keeper.seen()

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
        __tracebackhide__ = True  # pytest then shows the line of the test, and the error
        unique = f"{self._slot}-{os.getpid()}-{os.urandom(3).hex()}"
        name = name or f"pipeline-{image[:NAME]}-{unique}"
        log = self._logs / f"{name}.log"
        try:
            order = Order(
                directory=str(self._directory),
                owner=os.getpid(),
                name=name,
                image=image,
                command=_words(command),
                port=port,
                host_port=host_port,
                user=user,
                line=ready if isinstance(ready, str) else "",
                check=() if isinstance(ready, str) else tuple(ready),
                seconds=seconds,
                environment=tuple((environment or {}).items()),
                log=str(log),
            )
            keeper = Keeper(order, self._environ)
            told = keeper.answer()
        except PipelineError as error:
            if isinstance(error, EngineUnavailableError):
                self._unavailable(error)
            _note(error)
            raise
        self._keepers.append(keeper)
        return Service(name=name, _log=log, _keeper=keeper, **told)


def _note(error: PipelineError) -> None:
    """Add what a person needs for pytest to show: it knows of no hints."""
    for note in (*error.detail, *([f"hint: {error.hint}"] if error.hint else [])):
        error.add_note(note)


def _words(command: Sequence[str]) -> tuple[str, ...]:
    __tracebackhide__ = True
    if isinstance(command, str):
        raise UsageError(
            "the command of a service is a list of words, not one text",
            hint=f"write `{shlex.split(command)}`, or `['sh', '-c', …]` for a shell's line",
        )
    return tuple(command)
