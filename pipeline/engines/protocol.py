"""What an engine is: something that builds a Dockerfile from named contexts into a tree.

Engines know nothing of YAML, plans or Python packaging. The same request gives the same output
tree on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.store.trees import Tree


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether an engine works here; if not, why, and what a person can do about it."""

    works: bool
    identity: str
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageContext:
    """A named context that is an image.

    ``digest`` is the OCI manifest's sha256. ``layers`` are unpacked directories, lowest first;
    ``derived`` are further ones that only the sandbox mounts on top and that are not part of the
    image's identity (bytecode). ``env`` and ``workdir`` come from the image's configuration.
    ``layout`` is an OCI layout directory, made on demand, for engines that want one.
    """

    digest: str
    platform: str
    layers: tuple[Path, ...]
    derived: tuple[Path, ...] = field(default=(), compare=False)
    env: tuple[tuple[str, str], ...] = ()
    workdir: str = "/"
    layout: Callable[[], Path] | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class TreeContext:
    """A named context that is a directory of files, unpacked at ``path``, never changed there.

    ``shared`` says that many builds copy the same tree, so that an engine may keep the copy.
    ``image`` gives the same files as an image of one layer for a platform, made on demand, for
    engines that would not show all files of a directory. Only the context named ``context`` obeys
    a ``.dockerignore``, as a build's own context does; in all others that is a file like any other.
    """

    digest: str
    path: Path = field(compare=False)
    shared: bool = field(default=False, compare=False)
    image: Callable[[str], ImageContext] | None = field(default=None, compare=False)


Context = ImageContext | TreeContext


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on one step. Zero means no bound beyond the engine's own."""

    seconds: float = 3600.0
    memory: int = 0
    processes: int = 4096
    output: int = 64 << 20
    disk: int = 0


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """A build, as a value. What is excluded from comparison does not change the output.

    ``dockerfile`` is its text; ``contexts`` gives each name that FROM and ``--from=`` may use;
    ``platform`` is OCI's; ``network`` is ``none`` or ``host`` (what RUN gets where the Dockerfile
    does not say); ``epoch`` is SOURCE_DATE_EPOCH in seconds; ``arguments`` are values for ARG.
    ``label`` is the cell that it is for, or with ``internal`` a name that no verb takes.
    """

    dockerfile: str
    contexts: Mapping[str, Context]
    platform: str
    network: str = "none"
    epoch: int = 0
    arguments: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default=Limits(), compare=False)
    label: str = field(default="", compare=False)
    internal: bool = field(default=False, compare=False)
    secrets: Mapping[str, Path] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """The files of the last stage's root, stored; how long it took does not count for equality."""

    output: Tree
    seconds: float = field(default=0.0, compare=False)
    engine: str = field(default="", compare=False)
    log: Path | None = field(default=None, compare=False)


class Engine(Protocol):
    """The seam between planning and doing."""

    name: str

    def probe(self) -> Availability:
        """Say whether this engine works here, cheaply and without side effects."""

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """Build, streaming the steps' output in chunks to ``output``.

        Raises StageFailedError when a step fails (with the log's tail, and a command that replays
        it, in ``detail`` and ``hint``), EngineUnavailableError when the engine itself does,
        ConfigError (with the line) for an instruction it does not support.
        """

    def cancel(self) -> None:
        """End every build that is under way, from any thread; each then raises StageFailedError.

        For a person's Ctrl-C, which Python delivers to the main thread alone.
        """
