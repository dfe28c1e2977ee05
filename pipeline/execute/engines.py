"""Choosing the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engines.auto import AutoEngine
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import EngineUnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.engines.protocol import Engine
    from pipeline.store.store import Store

ENGINES = ("auto", "sandbox", "docker", "buildkit")


def choose(
    name: str,
    store: Store,
    *,
    builder: str = "",
    contexts: Mapping[str, str] | None = None,
    keep: bool = False,
    shell: bool = False,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Engine:
    """Return the engine called ``name``; ``auto`` takes the sandbox, or Docker where it must.

    ``builder`` is buildkit's; ``contexts`` are Docker's, by platform; ``keep`` and ``shell`` are
    the sandbox's, which is then the only one. ``fresh`` uses no engine's own cache.

    Whether it works here is found out when it first builds, so that a run in which nothing is to
    be built asks nothing. UsageError for an unknown name, or flags that do not go together.
    """
    if name not in ENGINES:
        raise UsageError(
            f"there is no engine `{name}`", hint=f"the engines are {', '.join(ENGINES)}"
        )
    inside = keep or shell
    if inside and name not in {"auto", "sandbox"}:
        raise UsageError(
            f"the engine `{name}` keeps no failed step to look into",
            hint="take `--engine sandbox`, or leave out `--keep` and `--shell`",
        )
    sandbox = SandboxEngine(store, keep=keep, shell=shell)
    if inside or name == "sandbox":
        return sandbox
    # What follows is not needed by most runs, and takes its time to import.
    if name == "buildkit":
        from pipeline.engines.buildkit import BuildkitEngine  # noqa: PLC0415

        return BuildkitEngine(store, builder=_named(builder), fresh=fresh)

    def docker() -> Engine:
        from pipeline.engines.docker import DockerEngine  # noqa: PLC0415

        return DockerEngine(store, contexts=contexts, fresh=fresh)

    return docker() if name == "docker" else AutoEngine(sandbox, docker, tell)


def require(engine: Engine) -> None:
    """Raise EngineUnavailableError with the reason and the remedy unless the engine works."""
    found = engine.probe()
    if not found.works:
        raise EngineUnavailableError(
            f"the engine `{engine.name}` does not work here: {found.reason}", hint=found.hint
        )


def _named(builder: str) -> str:
    if not builder:
        raise UsageError(
            "the engine `buildkit` needs the name of a builder",
            hint="give `--builder NAME` or PIPELINE_BUILDER, or in `pipeline.yaml` "
            "`engines: {buildkit: {builder: NAME}}`; `docker buildx ls` lists them",
        )
    return builder
