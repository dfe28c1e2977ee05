"""Recipes: what an engine is asked to build, as a value with a key.

An input is named in the Dockerfile (``FROM python``, ``COPY --from=env``) and has an identity
that is known before anything is fetched or built, so that a whole plan can be keyed, compared
and printed without doing any of its work.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.checkout.inputs import SourceTree
    from pipeline.lock.types import PythonFile

FORMAT = 1
"""Part of every key: raised when what we do around a step (environments, normalising) changes."""


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """A locked image on one platform. ``digest`` is the OCI manifest's."""

    image: str
    platform: str
    digest: str

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"image:{self.digest}"


@dataclass(frozen=True, kw_only=True)
class EnvironmentInput:
    """A virtual environment of locked wheels for the interpreter of an image.

    ``python`` is ``3.11``. The wheels determine every byte of it but its bytecode.
    """

    image: str
    python: str
    wheels: tuple[PythonFile, ...]

    @cached_property
    def digest(self) -> str:
        """The sha256 over the interpreter's version and the wheels."""
        rows = [[wheel.name, wheel.sha256] for wheel in self.wheels]
        return sha256_bytes(json.dumps([FORMAT, self.python, rows]).encode())

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"environment:{self.digest}"


@dataclass(frozen=True, kw_only=True)
class SourceInput:
    """Files of the checkout."""

    source: SourceTree

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"tree:{self.source.tree.digest}"


@dataclass(frozen=True, kw_only=True)
class SdistInput:
    """A third-party sdist, unpacked."""

    file: PythonFile

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"sdist:{self.file.sha256}"


@dataclass(frozen=True, kw_only=True)
class OutputInput:
    """What an earlier cell makes: its files, or its sdist unpacked."""

    cell: str
    key: str
    unpacked: bool = False

    @property
    def identity(self) -> str:
        """The name of its content, derived from the key of what makes it."""
        return f"{'unpacked' if self.unpacked else 'output'}:{self.key}"


Input = ImageInput | EnvironmentInput | SourceInput | SdistInput | OutputInput


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A build as a value. ``seconds`` bounds each step and does not change the output."""

    dockerfile: str
    inputs: Mapping[str, Input]
    platform: str
    network: str
    epoch: int
    seconds: float

    @cached_property
    def components(self) -> Mapping[str, str]:
        """What the key is made of, by name: to tell why two keys differ."""
        parts = {
            "format": str(FORMAT),
            "dockerfile": sha256_bytes(self.dockerfile.encode()),
            "platform": self.platform,
            "network": self.network,
            "epoch": str(self.epoch),
        }
        return parts | {f"input {name}": part.identity for name, part in self.inputs.items()}

    @cached_property
    def key(self) -> str:
        """The sha256 of the components: same key, same output."""
        return sha256_bytes(json.dumps(self.components, sort_keys=True).encode())
