"""The engine `docker`: ``docker buildx build`` on a Docker daemon.

A platform is built on the daemon of the current context, or on that of the context which the
configuration names for it. What a daemon is, is asked when its first build comes, and remembered.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.engines import builders, driving, emulation
from pipeline.engines.buildx import Builder, layout_directory, layout_place, whole_trees
from pipeline.engines.daemon import (
    DEFAULT,
    UnusableError,
    check_tools,
    connected,
    current_context,
    look,
)
from pipeline.engines.daemons import Daemons
from pipeline.engines.driving import Builds
from pipeline.engines.emulation import PACKAGE
from pipeline.engines.loading import load
from pipeline.engines.protocol import Availability, ImageContext
from pipeline.engines.solving import KilledStepError, LostError
from pipeline.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from pipeline.engines.daemon import Daemon
    from pipeline.engines.protocol import BuildRequest, BuildResult
    from pipeline.store.store import Store

NAME = "docker"


class DockerEngine:
    """Builds with Docker. Builds may run at the same time in threads.

    ``contexts`` names the Docker context for a platform where it is not the current one;
    ``fresh`` takes nothing from Docker's own cache; ``environ`` are the variables Docker's tools
    are run with (default: ours).
    """

    name = NAME

    def __init__(
        self,
        store: Store,
        *,
        contexts: Mapping[str, str] | None = None,
        fresh: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._contexts = dict(contexts or {})
        self._fresh = fresh
        self._environ = dict(os.environ if environ is None else environ)
        self._builds = Builds()
        self._asking = threading.Lock()
        self._daemons = Daemons(store.root / "docker", self._environ)
        self._platforms: dict[str, tuple[str, ...]] = {}

    def probe(self) -> Availability:
        """Ask the daemon of the current context, and those of the configuration."""
        contexts = dict.fromkeys((current_context(self._environ), *self._contexts.values()))
        try:
            buildx = check_tools(self._environ)
            versions = [look(context, self._environ).version for context in contexts]
        except UnusableError as error:
            return error.availability(NAME)
        return Availability(works=True, identity=f"Docker {', '.join(versions)}, buildx {buildx}")

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build; see `pipeline.engines.protocol.Engine.build`."""
        request = replace(request, contexts=whole_trees(request.contexts, request.platform))
        context = self._context(request)
        daemon = self._daemon(context)
        with self._builds.one() as cancelled:
            try:
                return self._on(daemon, context, request, output, cancelled)
            except KilledStepError as error:
                self._still(context, error)
                raise
            except LostError as error:
                now = self._still(context, error)
                if now == daemon:
                    raise error.explained("Docker") from error
            # It is not the daemon that was remembered.
            return self._on(now, context, request, output, cancelled)

    def _on(
        self,
        daemon: Daemon,
        context: str,
        request: BuildRequest,
        output: Callable[[bytes], None],
        cancelled: Event,
    ) -> BuildResult:
        """Build on a context's daemon, which is as ``daemon`` says."""
        self._check_platforms(request, context, daemon)
        return driving.build(
            request,
            _builder(context),
            self._images(request, context, daemon),
            output,
            store=self._store,
            environ=self._environ,
            cancelled=cancelled,
            fresh=self._fresh,
        )

    def placed(self, request: BuildRequest) -> tuple[BuildRequest, Builder, dict[str, str]]:
        """Return a request as its builder takes it, that builder, and where each image is found."""
        request = replace(request, contexts=whole_trees(request.contexts, request.platform))
        context = self._context(request)
        return request, _builder(context), self._images(request, context, self._daemon(context))

    def cancel(self) -> None:
        """End every build; see `pipeline.engines.protocol.Engine.cancel`."""
        self._builds.cancel()

    def _context(self, request: BuildRequest) -> str:
        return self._contexts.get(request.platform) or current_context(self._environ)

    def _daemon(self, context: str) -> Daemon:
        """Return what is known of a context's daemon; EngineUnavailableError."""
        try:
            return self._daemons.get(context)
        except UnusableError as error:
            raise unavailable(error) from error

    def _check_platforms(self, request: BuildRequest, context: str, daemon: Daemon) -> None:
        """Refuse programs that the daemon's machine cannot run, before it has any work with it."""
        for platform in sorted(emulation.platforms(request) - {daemon.platform}):
            # BuildKit sees an emulator that is new only when it was asked once before.
            if not any(platform in self._emulated(context, platform) for _ in range(2)):
                raise EngineUnavailableError(
                    f"programs for `{platform}` do not run on the machine of the Docker daemon",
                    hint=f"install `{PACKAGE}` there, or name a context for it in `pipeline.yaml`: "
                    f"`engines: {{docker: {{contexts: {{{platform}: NAME}}}}}}`",
                )

    def _emulated(self, context: str, wanted: str) -> tuple[str, ...]:
        """Return the platforms of a context's builder, asking anew for one that it had not."""
        with self._asking:
            if wanted not in self._platforms.get(context, ()):
                try:
                    known = builders.listed(("docker", "buildx"), self._environ)
                    self._platforms[context] = builders.require(context, known).platforms
                except UnusableError as error:
                    raise unavailable(error) from error
            return self._platforms[context]

    def _images(self, request: BuildRequest, context: str, daemon: Daemon) -> dict[str, str]:
        """Return where the daemon finds each image: in its layout, or loaded under a name."""
        images = {
            name: image
            for name, image in request.contexts.items()
            if isinstance(image, ImageContext)
        }
        places = {name: layout_place(name, image) for name, image in images.items()}
        if daemon.layouts or not images:
            return places
        try:
            with self._asking, connected(context, self._environ) as client:
                for name, image in images.items():
                    loaded = load(client, layout_directory(name, image), image.digest)
                    places[name] = f"docker-image://{loaded}"
        except UnusableError as error:
            raise unavailable(error) from error
        return places

    def _still(self, context: str, error: LostError | KilledStepError) -> Daemon:
        """Return what the daemon says after a build that no step is to blame for.

        EngineUnavailableError when it is gone. Only now buildx is asked for its version, which
        takes a while.
        """
        try:
            check_tools(self._environ)
            return self._daemons.ask(context)
        except UnusableError as gone:
            if isinstance(error, LostError) and not error.began:
                raise unavailable(gone) from error
            raise EngineUnavailableError(
                f"Docker went away during the build: {gone.reason}", hint=gone.hint
            ) from error


def _builder(context: str) -> Builder:
    return Builder(name=context, context="" if context == DEFAULT else context)


def unavailable(error: UnusableError) -> EngineUnavailableError:
    """Return the error that a person sees for a daemon that cannot be used."""
    return EngineUnavailableError(
        f"the engine `{NAME}` does not work here: {error.reason}", hint=error.hint
    )
