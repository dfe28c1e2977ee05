"""Every failure a person can meet, one exit code a family.

Raise from anywhere; only `pipeline.cli.main` catches. A message says what failed and why it
matters, in one sentence without a full stop; what to do next goes into ``hint``.
"""

from __future__ import annotations


class PipelineError(Exception):
    """Root of all expected failures.

    ``where`` is ``file:line:column`` or a file, ``hint`` the next action, ``detail`` further lines
    (a log's tail, a list of files) printed as they are. ``exit_code`` is the process status.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", detail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def unseen(self) -> tuple[str, ...]:
        """The lines of ``detail`` that were not shown before."""
        return self.detail

    def document(self) -> dict[str, object]:
        """Return it as JSON's types: what stands under ``error``."""
        return {
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
            "detail": list(self.detail),
            "exit_code": self.exit_code,
        }


class StageFailedError(PipelineError):
    """A step of a stage ended badly (exit 1).

    ``output`` is the end of what the step printed, which stands in ``detail`` before the rest, and
    ``log`` the file that holds all of it. ``shown`` says that it was shown while the step ran.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        detail: tuple[str, ...] = (),
        output: tuple[str, ...] = (),
        log: str = "",
        shown: bool = False,
    ) -> None:
        super().__init__(message, where=where, hint=hint, detail=(*output, *detail))
        self.output = output
        self.log = log
        self.shown = shown

    def told(self, message: str, *, where: str, hint: str = "", shown: bool) -> StageFailedError:
        """Return the same failure in other words, with what the step printed."""
        return StageFailedError(
            message,
            where=where,
            hint=hint or self.hint,
            detail=self.detail[len(self.output) :],
            output=self.output,
            log=self.log,
            shown=shown,
        )

    @property
    def unseen(self) -> tuple[str, ...]:
        """The lines of ``detail`` that were not shown before: a failing test is printed once."""
        return self.detail[len(self.output) :] if self.shown else self.detail

    def document(self) -> dict[str, object]:
        """Return it as JSON's types, with the place of the log."""
        return super().document() | {"log": self.log}


class ServiceError(PipelineError):
    """A service that tests need could not be started, or did not become ready (exit 1)."""


class StoreError(PipelineError):
    """The store cannot be used: disk full, read-only, no permission (exit 1)."""


class UsageError(PipelineError):
    """Wrong command line (exit 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A declaration in the repository is wrong (exit 2)."""


class LockError(PipelineError):
    """The lock is missing, stale or unreadable (exit 3)."""

    exit_code = 3


class VerificationError(PipelineError):
    """A digest or a file differs from what was expected (exit 4)."""

    exit_code = 4


class NetworkError(PipelineError):
    """Something could not be downloaded, or the network was needed and is off (exit 5)."""

    exit_code = 5


class EngineUnavailableError(PipelineError):
    """No engine can run this here (exit 6)."""

    exit_code = 6


class ReleaseRefusedError(PipelineError):
    """A release or an upload must not go ahead (exit 7)."""

    exit_code = 7
