"""The layers of a stage: host directories that overlayfs puts on top of each other.

Every step writes into an upper directory of its own, as in BuildKit: what a later step changes is
copied up first, which parts hard links and keeps earlier stages as they were. Copies one after the
other share a layer, to which no step ever writes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.engines.copying import DIRECTORY_MODE
from pipeline.engines.union import Union

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind = Literal["image", "derived", "copied", "run"]

MOST = 120
"""Layers after which steps share one: mount(2) takes their names on one page of 4096 bytes."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer. What is ``derived`` is seen by steps, but is never copied out of the stage."""

    path: str
    kind: Kind


class Stack:
    """The layers of one stage, lowest first; new ones are made below ``directory``."""

    def __init__(self, directory: Path, layers: Iterable[Layer]) -> None:
        self._directory = directory
        self.layers = list(layers)
        self._base = len(self.layers)
        self._works = itertools.count()

    @property
    def view(self) -> Union:
        """What belongs to the stage, merged."""
        paths = [layer.path for layer in self.layers if layer.kind != "derived"]
        return Union(tuple(reversed(paths)))

    def add(self, path: Path) -> None:
        """Put a directory on top that belongs to the stage and is never written to."""
        self.layers.append(Layer(path=str(path), kind="image"))

    def copied(self) -> str:
        """Return the layer to copy into."""
        is_open = len(self.layers) > self._base and self.layers[-1].kind == "copied"
        return self.layers[-1].path if is_open else self._new("copied")

    def upper(self) -> str:
        """Return the upper directory for a step: a new one, while overlayfs takes more layers."""
        if len(self.layers) < MOST or self.layers[-1].kind != "run":
            return self._new("run")
        return self.layers[-1].path

    def work(self) -> str:
        """Return a new directory for overlayfs itself, which has to stand beside the upper one.

        Every mount gets its own: one that was mounted ``volatile`` is refused a second time.
        """
        return self._directory_named(f"work-{next(self._works):03}")

    def lower(self) -> tuple[str, ...]:
        """Return the layers below the highest one, lowest first; never none at all."""
        below = tuple(layer.path for layer in self.layers[:-1])
        return below or (self._directory_named("empty"),)

    def _new(self, kind: Kind) -> str:
        path = self._directory_named(f"{len(self.layers):03}-{kind}")
        self.layers.append(Layer(path=path, kind=kind))
        return path

    def _directory_named(self, name: str) -> str:
        path = self._directory / name
        path.mkdir(exist_ok=True)
        path.chmod(DIRECTORY_MODE)
        return str(path)
