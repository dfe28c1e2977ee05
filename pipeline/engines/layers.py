"""The layers of a stage: host directories that overlayfs puts on top of each other.

A step writes into an upper directory, which the steps after it share; COPY writes into a layer
that no step ever writes to. So whatever comes after the other kind begins a layer of its own.
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
        return self._top("copied")

    def upper(self) -> str:
        """Return the upper directory for a step."""
        return self._top("run")

    def work(self) -> str:
        """Return a new directory for overlayfs itself, which has to stand beside the upper one.

        Every mount gets its own: one that was mounted ``volatile`` is refused a second time.
        """
        return self._directory_named(f"work-{next(self._works):03}")

    def lower(self) -> tuple[str, ...]:
        """Return the layers below the highest one, lowest first; never none at all."""
        below = tuple(layer.path for layer in self.layers[:-1])
        return below or (self._directory_named("empty"),)

    def _top(self, kind: Kind) -> str:
        is_open = len(self.layers) > self._base and self.layers[-1].kind == kind
        if not is_open:
            path = self._directory_named(f"{len(self.layers):03}-{kind}")
            self.layers.append(Layer(path=path, kind=kind))
        return self.layers[-1].path

    def _directory_named(self, name: str) -> str:
        path = self._directory / name
        path.mkdir(exist_ok=True)
        path.chmod(DIRECTORY_MODE)
        return str(path)
