"""What is to be started, as it is told to the process that keeps it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from pipeline.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What Docker takes as a name, no longer than a host's may be."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One service. ``directory`` lies in the project, ``owner`` is the process it is started for.

    ``port`` is the port inside; ``host_port`` the one of this machine, 0 for any that is free.
    ``line`` is what its output holds once it is ready, ``check`` a command that then succeeds
    inside; without either, its port answers. ``seconds`` is how long that may take. What it prints
    goes to the file ``log``. ``user`` is the number it runs as inside. UsageError for what cannot
    be right.
    """

    directory: str
    owner: int
    name: str
    image: str
    command: tuple[str, ...]
    port: int
    log: str
    host_port: int = 0
    line: str = ""
    check: tuple[str, ...] = ()
    seconds: float = 60.0
    environment: tuple[tuple[str, str], ...] = ()
    user: int = 0

    def __post_init__(self) -> None:
        __tracebackhide__ = True
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"`{self.name}` cannot be the name of a service",
                hint="use letters, digits, `.`, `_` and `-`, 63 at most",
            )
        if not self.command:
            raise UsageError(f"the service `{self.name}` has no command")
        self._check_words()
        if not 0 < self.port < 1 << 16 or not 0 <= self.host_port < 1 << 16:
            raise UsageError(f"the service `{self.name}` has no port from 1 to 65535")
        if self.seconds <= 0:
            raise UsageError(f"the service `{self.name}` has no time to become ready")
        if not 0 <= self.user < 1 << 31:
            raise UsageError(f"the service `{self.name}` runs as no user: {self.user}")

    def _check_words(self) -> None:
        """Raise UsageError for what no program can be given: numbers, NUL, names with ``=``."""
        __tracebackhide__ = True
        variables = (word for pair in self.environment for word in pair)
        words: tuple[object, ...] = (*self.command, *self.check, *variables)
        for word in words:
            if not isinstance(word, str) or "\0" in word:
                raise UsageError(
                    f"the service `{self.name}` cannot be given `{word!r}`",
                    hint="words of a command and variables are texts without NUL",
                )
        for name, _ in self.environment:
            if not name or "=" in name:
                raise UsageError(f"`{name}` cannot be a variable of the service `{self.name}`")

    def line_of(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: str) -> Order:
        """Read what `line_of` wrote."""
        found = json.loads(line)
        return cls(
            **{
                **found,
                "command": tuple(found["command"]),
                "check": tuple(found["check"]),
                "environment": tuple((name, value) for name, value in found["environment"]),
            }
        )
