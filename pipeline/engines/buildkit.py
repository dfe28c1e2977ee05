"""The engine `buildkit`: ``docker buildx build`` on any builder that buildx knows, by its name.

A builder is one or more nodes: BuildKit daemons reached over a socket, TCP with TLS or SSH, or
pods of a Kubernetes cluster. Which node takes a build is buildx's choice: one that offers the
platform. No Docker daemon is needed.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.engines import builders, driving, emulation
from pipeline.engines.buildx import Builder, layout_place, whole_trees
from pipeline.engines.daemon import UnusableError, check_command, check_tools
from pipeline.engines.driving import Builds
from pipeline.engines.protocol import Availability, ImageContext
from pipeline.engines.solving import KilledStepError, LostError
from pipeline.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.engines.builders import Known
    from pipeline.engines.protocol import BuildRequest, BuildResult
    from pipeline.errors import PipelineError
    from pipeline.store.store import Store

NAME = "buildkit"
BUILDX = ("docker", "buildx")


class BuildkitEngine:
    """Builds on the builder called ``builder``. Builds may run at the same time in threads.

    ``fresh`` and ``environ`` are as for `pipeline.engines.docker.DockerEngine`.
    """

    name = NAME

    def __init__(
        self,
        store: Store,
        *,
        builder: str,
        fresh: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._builder = builder
        self._fresh = fresh
        self._environ = dict(os.environ if environ is None else environ)
        self._builds = Builds()
        self._asking = threading.Lock()
        self._known: Known | None = None

    def probe(self) -> Availability:
        """Ask buildx for the builder, and that for its nodes."""
        try:
            buildx = check_tools(self._environ)
            known = self._look()
        except UnusableError as error:
            return error.availability(NAME)
        nodes = ", ".join(node.name for node in known.nodes if node.answers)
        identity = f"builder {known.name} ({known.driver}: {nodes}), buildx {buildx}"
        return Availability(works=True, identity=identity)

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build; see `pipeline.engines.protocol.Engine.build`."""
        request = replace(request, contexts=whole_trees(request.contexts, request.platform))
        self._check_platforms(request)
        images = {
            name: layout_place(name, image)
            for name, image in request.contexts.items()
            if isinstance(image, ImageContext)
        }
        with self._builds.one() as cancelled:
            try:
                return driving.build(
                    request,
                    Builder(name=self._builder),
                    images,
                    output,
                    store=self._store,
                    environ=self._environ,
                    cancelled=cancelled,
                    fresh=self._fresh,
                )
            except (LostError, KilledStepError) as error:
                raise self._gone(error) from error

    def cancel(self) -> None:
        """End every build; see `pipeline.engines.protocol.Engine.cancel`."""
        self._builds.cancel()

    def _look(self) -> Known:
        return builders.require(self._builder, builders.listed(BUILDX, self._environ))

    def _check_platforms(self, request: BuildRequest) -> None:
        """Refuse what no node can run, before any has work with it; EngineUnavailableError."""
        with self._asking:
            if self._known is None:
                try:
                    check_command(self._environ)
                    self._known = self._look()
                except UnusableError as error:
                    raise EngineUnavailableError(
                        f"the engine `{NAME}` does not work here: {error.reason}", hint=error.hint
                    ) from error
            offered = self._known.platforms
        for platform in sorted(emulation.platforms(request)):
            # A node that sleeps says nothing yet about its platforms.
            if offered and platform not in offered:
                raise EngineUnavailableError(
                    f"no node of the builder `{self._builder}` runs programs for `{platform}`",
                    hint=f"add one that does: `docker buildx create --append --name {self._builder}"
                    f" --platform {platform} ENDPOINT`",
                )

    def _gone(self, error: LostError | KilledStepError) -> PipelineError:
        """Return what to say of a build that ended without a step that is to blame."""
        try:
            check_tools(self._environ)
            known = self._look()
        except UnusableError as gone:
            return EngineUnavailableError(
                f"the builder went away during the build: {gone.reason}", hint=gone.hint
            )
        silent = [f"`{node.name}` ({node.endpoint})" for node in known.nodes if not node.answers]
        if silent:
            return EngineUnavailableError(
                f"a node of the builder `{self._builder}` does not answer: {', '.join(silent)}",
                hint="bring it back, or take it out with `docker buildx create --leave`; run again "
                "then: what was built until now is kept",
            )
        if isinstance(error, KilledStepError):
            return error
        return error.explained(f"the builder `{self._builder}`")
