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


class StageFailedError(PipelineError):
    """A step of a stage ended badly (exit 1)."""


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
    """Bytes are not what they have to be (exit 4)."""

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
