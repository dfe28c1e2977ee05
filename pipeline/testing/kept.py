"""The process that keeps one service (`pipeline.testing.keeper`), seen from the test run.

It removes the service when it is told to, and as well when the test run ends in any other way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import errors
from pipeline.errors import PipelineError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.testing.order import Order

_PACKAGES = str(Path(__file__).resolve().parents[2])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.testing.keeper import main; main()"
STOPPING_SECONDS = 30.0
BUSY_SECONDS = 2.0
LINES = 20


class Keeper:
    """It runs from the start; `answer` and `stop` are called once and any number of times."""

    def __init__(self, order: Order, environ: Mapping[str, str]) -> None:
        self.name = order.name
        self._is_ready = False
        self._known = 0
        self._log = Path(order.log)
        self._log.touch()
        self._words = self._log.with_suffix(".keeper")
        with self._words.open("wb") as words:
            # In a session of its own, so that a terminal's Ctrl-C leaves ending it to us.
            # Nothing is imported from the project: it may have a `docker` or `json` of its own.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, _PACKAGES],
                cwd=order.directory,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                start_new_session=True,
            )
        self._order = order

    def answer(self) -> dict[str, Any]:
        """Hand the order over and return where the service is once it is ready."""
        __tracebackhide__ = True
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
        self._is_ready = True
        return dict(told["service"])

    def printed(self) -> str:
        """Return the last lines of what the service has printed since `seen`."""
        with self._log.open("rb") as log:
            log.seek(self._known)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LINES:])

    def seen(self) -> None:
        """Take all that was printed so far as known."""
        self._known = self._log.stat().st_size

    def stop(self) -> None:
        """Let the process remove its service and end."""
        process = self._process
        with suppress(BrokenPipeError, ValueError):  # it has ended, or was told before
            if process.stdin:
                # A child of the test run may hold this end as well, so closing it may say nothing.
                process.stdin.write(b"\n")
                process.stdin.close()
        if not self._is_ready:  # it may be busy with an image for long
            with suppress(subprocess.TimeoutExpired):
                process.wait(BUSY_SECONDS)
            process.terminate()
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
            "message": f"the process that keeps the service `{self.name}` ended unexpectedly",
            "detail": lines[-LINES:],
        }


def _raise(told: Mapping[str, Any]) -> NoReturn:
    """Raise the error that a keeper told of."""
    __tracebackhide__ = True
    kind: type[PipelineError] = getattr(errors, told["kind"])
    detail, hint = tuple(told.get("detail", ())), told.get("hint", "")
    raise kind(told["message"], where=told.get("where", ""), hint=hint, detail=detail)
