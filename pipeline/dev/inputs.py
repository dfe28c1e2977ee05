"""Making what a place needs ready: fetched, assembled, unpacked, as for a step of its stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.dev.compilers import Additions
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.provision import Provisioner, image_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.dev.place import Place
    from pipeline.engines.protocol import (
        Availability,
        BuildRequest,
        BuildResult,
        Engine,
    )
    from pipeline.lock.types import Lock, LockedFile
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store


class Later:
    """An engine that is made when it first builds: nearly every call finds all things made."""

    name = "later"

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make

    @cached_property
    def _engine(self) -> Engine:
        return self._make()

    def probe(self) -> Availability:
        """See `pipeline.engines.protocol.Engine.probe`."""
        return self._engine.probe()

    def build(self, request: BuildRequest, output: Callable[[bytes], None]) -> BuildResult:
        """See `pipeline.engines.protocol.Engine.build`."""
        return self._engine.build(request, output)

    def cancel(self) -> None:
        """See `pipeline.engines.protocol.Engine.cancel`."""
        self._engine.cancel()


@dataclass(frozen=True, kw_only=True)
class Means:
    """What is worked with; ``engine`` compiles the bytecode of an image's own Python."""

    pipeline: Pipeline
    lock: Lock
    store: Store
    settings: Settings
    engine: Engine
    console: Console

    @property
    def provisioner(self) -> Provisioner:
        """What turns inputs into directories."""
        return Provisioner(self.store, self.lock, self.engine)


def fetch(place: Place, means: Means) -> None:
    """Fetch what a place is made of and the store lacks."""
    parents = {name: image.origin.image or "" for name, image in means.pipeline.images.items()}
    wanted: dict[str, LockedFile] = {}
    wanted |= image_files(place.image, place.platform, means.lock, parents)
    if place.environment:
        wanted |= {wheel.sha256: wheel for wheel in place.environment.wheels}
    fetch_shown(wanted.values(), means.store, means.settings, means.console)


@dataclass(frozen=True, kw_only=True)
class Made:
    """The directories that a place is put together from: layers of the root, and of ``/env``."""

    root: tuple[Path, ...]
    environment: tuple[Path, ...]


def make(place: Place, means: Means) -> Made:
    """Return a place's image and environment as the sandbox mounts them, with their bytecode."""
    provisioner = means.provisioner
    layers: list[Path] = []
    if place.environment:
        layers.append(provisioner.environment(place.environment, place.platform).path)
    if place.packages:
        own = place.additions
        layers.append(means.store.derived("dev-packages", own.digest, own.write))
    image = provisioner.image(place.image, place.platform)
    root = (*image.layers, *image.derived)
    if place.tools:
        added = Additions(files=dict(place.tools.texts), links=dict(place.tools.links(image)))
        root = (*root, means.store.derived("dev-tools", added.digest, added.write))
    return Made(root=root, environment=tuple(layers))
