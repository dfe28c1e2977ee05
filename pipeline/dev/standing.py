"""A shell in a step that failed in Docker: the debugger of buildx, over the same build.

Docker keeps nothing of a step that fails. So the build is asked for once more: what came before is
in Docker's cache, the step runs again, and where it fails buildx lends the terminal to a shell with
the step's files, mounts, variables and network. Source: ``docker buildx debug --help``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from pipeline.engines.buildx import Room, command, environment
from pipeline.errors import EngineUnavailableError, StageFailedError
from pipeline.process import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.engines.docker import DockerEngine
    from pipeline.engines.protocol import Availability, BuildRequest, BuildResult
    from pipeline.store.store import Store

LISTED = re.compile(r"^\s+debug\*?\s", re.MULTILINE)
# A container of the debugger does not know how large the terminal is.
SHELL = "stty rows {0} cols {1} 2>/dev/null; command -v bash >/dev/null && exec bash; exec sh"


class Standing:
    """The engine `docker`; where a step fails a person gets a shell there."""

    name = "docker"

    def __init__(
        self,
        inner: DockerEngine,
        store: Store,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._store = store
        self._environ = environment(environ) | {"BUILDX_EXPERIMENTAL": "1"}
        self._tell = tell

    def probe(self) -> Availability:
        """See `pipeline.engines.protocol.Engine.probe`."""
        return self._inner.probe()

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build; see `pipeline.engines.protocol.Engine.build`."""
        try:
            return self._inner.build(request, output)
        except StageFailedError:
            self._stand(request)
            raise

    def cancel(self) -> None:
        """See `pipeline.engines.protocol.Engine.cancel`."""
        self._inner.cancel()

    def _stand(self, request: BuildRequest) -> None:
        self._require_debugger()
        self._tell("the step runs again for a shell in it; leave that with `exit`, twice")
        request, builder, images = self._inner.placed(request)
        with self._store.scratch("stand") as directory:
            room = Room(path=directory)
            room.furnish(request)
            words = command(request, room, builder, images)
            subprocess.run(debugging(words, len(builder.words)), env=self._environ, check=False)

    def _require_debugger(self) -> None:
        """Raise EngineUnavailableError where buildx has no debugger: it is experimental there."""
        told = run(["docker", "buildx", "--help"], env=self._environ)
        if not LISTED.search(told.stdout):
            raise EngineUnavailableError(
                "this version of Docker's plugin `buildx` has no debugger that could open a shell",
                hint="use one with `docker buildx debug`, or take `--engine sandbox`",
            )


def debugging(words: list[str], start: int) -> list[str]:
    """Return a build's command with a shell where it fails; ``build`` is the word at ``start``."""
    lines, columns = os.get_terminal_size(sys.stdin.fileno())[::-1]
    shell = SHELL.format(lines, columns)
    invoke = f'--invoke=entrypoint=/bin/sh,args=-c,"args={shell}"'
    rest = ["--progress=quiet" if word == "--progress=rawjson" else word for word in words[start:]]
    return [*words[:start], "debug", "--on=error", invoke, *rest]
