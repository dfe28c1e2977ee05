"""Recipes: what an engine is asked to build, as a value with a key.

An input is named in the Dockerfile (``FROM python``, ``COPY --from=env``) and has an identity
that is known before anything is fetched or built, so that a whole plan can be keyed, compared
and printed without doing any of its work.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.checkout.inputs import SourceTree
    from pipeline.lock.types import PythonFile

FORMAT = 1
"""Part of every key: raised when what we do around a step (environments, normalising) changes."""

BILL = "2"
"""Part of the keys of wheels that get a bill: raised when it comes out otherwise."""


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """A locked image on one platform. ``digest`` is the OCI manifest's.

    ``runs`` is False for one whose files are only read. ``part`` names what of it counts for the
    output, where that is less than the whole.
    """

    image: str
    platform: str
    digest: str
    runs: bool = True
    part: str = ""

    @property
    def identity(self) -> str:
        """The name of its content, or of the part of it that counts."""
        return f"part:{self.part}" if self.part else f"image:{self.digest}"


@dataclass(frozen=True, kw_only=True)
class EnvironmentInput:
    """A virtual environment of locked wheels for the interpreter of an image.

    ``python`` is ``3.11`` and ``interpreter`` where that stands, empty for Debian's place. They
    and the wheels determine every byte of it but its bytecode.
    """

    image: str
    python: str
    wheels: tuple[PythonFile, ...]
    interpreter: str = ""

    @cached_property
    def digest(self) -> str:
        """The sha256 over the interpreter's version and the wheels."""
        rows = [[wheel.name, wheel.sha256] for wheel in self.wheels]
        place = [self.interpreter] if self.interpreter else []
        return sha256_bytes(json.dumps([FORMAT, self.python, rows, *place]).encode())

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
        """The name of its content.

        What was built of a tree with a `.dockerignore` before all of it was shown has another key.
        """
        entries = self.source.tree.entries
        whole = ":whole" if any(entry.path == ".dockerignore" for entry in entries) else ""
        return f"tree:{self.source.tree.digest}{whole}"


@dataclass(frozen=True, kw_only=True)
class SdistInput:
    """A third-party sdist, unpacked."""

    file: PythonFile

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"sdist:{self.file.sha256}"


@dataclass(frozen=True, kw_only=True)
class FilesInput:
    """Small files of our own making, as pairs of a path and its text, sorted."""

    files: tuple[tuple[str, str], ...]

    @cached_property
    def digest(self) -> str:
        """The sha256 over the paths and texts."""
        return sha256_bytes(json.dumps(self.files).encode())

    @property
    def identity(self) -> str:
        """The name of its content."""
        return f"files:{self.digest}"


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


@dataclass(frozen=True, kw_only=True)
class InstalledInput:
    """A virtual environment with wheels that earlier cells make beside the locked ones.

    Nothing is run to make it and no bytecode lies in it, so it may be part of an output.
    """

    environment: EnvironmentInput
    built: tuple[OutputInput, ...]

    @property
    def identity(self) -> str:
        """The name of its content, derived from the keys of what makes the wheels."""
        return ":".join(("installed", self.environment.digest, *(b.key for b in self.built)))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What an earlier cell makes, at a place of the sources.

    ``place`` is relative to the repository and ends in ``/`` where it must be a directory; ``path``
    is what of the output is meant, empty for all of it.
    """

    place: str
    made: OutputInput
    path: str


@dataclass(frozen=True, kw_only=True)
class GeneratedInput:
    """Files of the checkout, and among them some that earlier cells make.

    ``directory`` is that of the repository which is built.
    """

    source: SourceTree
    directory: str
    placed: tuple[Placed, ...]

    @property
    def identity(self) -> str:
        """The name of its content, derived from the keys of what makes the files."""
        return self.identified({each.made.key: each.made.key for each in self.placed})

    def identified(self, names: Mapping[str, str]) -> str:
        """Return the name of its content, each output named by what ``names`` has for its key."""
        rows = [[each.place, names[each.made.key], each.path] for each in self.placed]
        return f"generated:{sha256_bytes(json.dumps([self.source.tree.digest, rows]).encode())}"


Input = (
    ImageInput
    | EnvironmentInput
    | InstalledInput
    | GeneratedInput
    | SourceInput
    | SdistInput
    | FilesInput
    | OutputInput
)


@dataclass(frozen=True, kw_only=True)
class ImageOutput:
    """What makes an image of the files a recipe leaves: they are its topmost layer.

    ``file`` is the archive's name, ``name`` and ``tag`` what the image is called where it is
    loaded. ``environment`` says that the layer has ``/env``, whose programs come first. Empty
    fields leave what the image below says.
    """

    file: str
    name: str
    tag: str
    environment: bool
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @cached_property
    def digest(self) -> str:
        """The sha256 over all of it."""
        return sha256_bytes(json.dumps(asdict(self), sort_keys=True).encode())


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A build as a value. ``seconds`` bounds each step and does not change the output.

    ``image`` is there when the files are to become an image; ``arguments`` are values for ARG;
    ``secrets`` name the variable that holds each secret, and do not change the output either.
    ``startup_files`` are those that the audit of a wheel lets pass; ``bill`` says that a wheel gets
    one of what is in it from elsewhere.
    """

    dockerfile: str
    inputs: Mapping[str, Input]
    platform: str
    network: str
    epoch: int
    seconds: float
    image: ImageOutput | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    startup_files: tuple[str, ...] = ()
    bill: bool = False

    @property
    def uses(self) -> tuple[OutputInput, ...]:
        """What it takes from earlier cells."""
        found: list[OutputInput] = []
        for part in self.inputs.values():
            if isinstance(part, OutputInput):
                found.append(part)
            elif isinstance(part, InstalledInput):
                found += part.built
            elif isinstance(part, GeneratedInput):
                found += (each.made for each in part.placed)
        return tuple(found)

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
        if self.image:
            parts["image"] = self.image.digest
        if self.startup_files:
            parts["startup files"] = " ".join(sorted(self.startup_files))
        if self.bill:
            parts["bill"] = BILL
        parts |= {f"argument {name}": value for name, value in self.arguments.items()}
        return parts | {f"input {name}": part.identity for name, part in self.inputs.items()}

    @cached_property
    def key(self) -> str:
        """The sha256 of the components: same key, same output."""
        return sha256_bytes(json.dumps(self.components, sort_keys=True).encode())
