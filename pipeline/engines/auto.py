"""The engine `auto`: the sandbox, or Docker where that does not work or is asked for too much."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from pipeline.dockerfile.beyond import beyond_sandbox
from pipeline.dockerfile.parser import parse
from pipeline.engines.emulation import platforms
from pipeline.errors import EngineUnavailableError
from pipeline.platforms import native_platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.engines.protocol import Availability, BuildRequest, BuildResult, Engine
    from pipeline.errors import PipelineError


class AutoEngine:
    """Takes one of two engines for each build. ``name`` is what it took last, or would take.

    ``docker`` makes the other engine, when it is first needed.
    Nobody is asked beforehand whether the sandbox works: the first build shows it, so that the
    usual case costs nothing. ``tell`` gets a sentence whenever Docker is taken for a new reason.
    """

    def __init__(
        self, sandbox: Engine, docker: Callable[[], Engine], tell: Callable[[str], None]
    ) -> None:
        self.name = sandbox.name
        self._sandbox = sandbox
        self._make_docker = docker
        self._making = Lock()
        self._tell = tell
        self._told: set[str] = set()
        self._without: PipelineError | None = None
        self._made: Engine | None = None

    def probe(self) -> Availability:
        """Probe the sandbox, and Docker where that does not work; the answer is one's that does."""
        found = self._sandbox.probe()
        if found.works:
            return found
        other = self._docker.probe()
        return other if other.works else found

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build; see `pipeline.engines.protocol.Engine.build`."""
        reason: PipelineError | None = self._without
        for beyond in beyond_sandbox(parse(request.dockerfile))[:1]:
            reason = beyond
        if reason is None:
            try:
                built = self._sandbox.build(request, output)
            except EngineUnavailableError as error:
                reason = self._why_docker(error, request)
            else:
                self.name = self._sandbox.name
                return built
        self._take_docker(reason)
        return self._docker.build(request, output)

    def cancel(self) -> None:
        """End every build; see `pipeline.engines.protocol.Engine.cancel`."""
        self._sandbox.cancel()
        if self._made:
            self._made.cancel()

    @property
    def _docker(self) -> Engine:
        with self._making:
            self._made = self._made or self._make_docker()
            return self._made

    def _why_docker(self, error: PipelineError, request: BuildRequest) -> PipelineError:
        """Return why the sandbox cannot do this; raises an error that is no reason for Docker."""
        if not self._sandbox.probe().works:
            self._without = error
        elif not platforms(request) - {native_platform()}:
            raise error
        return error

    def _take_docker(self, reason: PipelineError) -> None:
        """Go on with Docker; what the sandbox lacks is the failure where Docker does not work."""
        found = self._docker.probe()
        if not found.works:
            reason.hint = f"{reason.hint}; or have Docker do it, but {found.reason}".lstrip("; ")
            raise reason
        self.name = self._docker.name
        if reason.message not in self._told:
            self._told.add(reason.message)
            self._tell(f"building with Docker: {reason}")
