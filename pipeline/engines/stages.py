"""What the steps of a build share: the build's means, and a stage while it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

    from pipeline.engines.layers import Stack
    from pipeline.engines.logs import Log
    from pipeline.engines.protocol import BuildRequest
    from pipeline.engines.scope import Scope
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """The means of one build.

    ``room`` is the build's own directory, which others remove; ``keep`` says that it is left when
    a step fails, ``shell`` that a person may then look around in a sandbox. ``cancelled`` is set
    when the build shall end.
    """

    request: BuildRequest
    store: Store
    room: Path
    log: Log
    keep: bool
    shell: bool
    cancelled: Event


@dataclass(frozen=True, kw_only=True, eq=False)
class StageState:
    """A stage: what it has on disk and what it has set. Both change as its steps are done."""

    stack: Stack
    scope: Scope
