"""Choosing the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import EngineUnavailableError, UsageError

if TYPE_CHECKING:
    from pipeline.engines.protocol import Engine
    from pipeline.store.store import Store

ENGINES = ("auto", "sandbox")


def choose(name: str, store: Store, *, keep: bool = False, shell: bool = False) -> Engine:
    """Return the engine called ``name``; ``auto`` takes the sandbox.

    Whether it works here is found out when it first builds, so that a run in which nothing is to
    be built asks nothing. UsageError for an unknown name.
    """
    if name not in ENGINES:
        raise UsageError(
            f"there is no engine `{name}`", hint=f"the engines are {', '.join(ENGINES)}"
        )
    return SandboxEngine(store, keep=keep, shell=shell)


def require(engine: Engine) -> None:
    """Raise EngineUnavailableError with the reason and the remedy unless the engine works."""
    found = engine.probe()
    if not found.works:
        raise EngineUnavailableError(
            f"the engine `{engine.name}` does not work here: {found.reason}", hint=found.hint
        )
