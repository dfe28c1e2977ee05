"""What a lock holds, as frozen values (`pipeline.lock.file` reads and writes them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Declared = dict[str, list[str]]
"""What a locked section was resolved from: a word of the declaration and its values, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DebianPackage:
    """A binary package. ``path`` is its place in the archive's pool, ``size`` in bytes."""

    name: str
    version: str
    architecture: str
    path: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonFile:
    """A wheel or sdist. ``name`` is its file name, ``size`` in bytes."""

    name: str
    sha256: str
    size: int

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel (else an sdist)."""
        return self.name.endswith(".whl")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBlob:
    """Bytes of an image that others made: its manifest, its configuration or a layer.

    ``source`` says where they are to be had: ``registry [HOST/]REPOSITORY`` or ``archive FILE``.
    ``size`` is in bytes; ``diff_id`` the sha256 of a layer's tar, empty for the other two.
    """

    source: str
    sha256: str
    size: int
    media_type: str
    diff_id: str = ""


@dataclass(frozen=True, kw_only=True)
class LockedBase:
    """An image that others made, on one platform; ``layers`` have the lowest first."""

    source: str
    manifest: ImageBlob
    config: ImageBlob
    layers: tuple[ImageBlob, ...]

    @property
    def blobs(self) -> tuple[ImageBlob, ...]:
        """Everything it is made of."""
        return (self.manifest, self.config, *self.layers)


@dataclass(frozen=True, kw_only=True)
class LockedRequirement:
    """One distribution of a set. ``marker`` is a PEP 508 marker or empty.

    In a set for one platform ``files`` holds one wheel; in an environment for people it holds
    every wheel that a supported machine could choose.
    """

    name: str
    version: str
    files: tuple[PythonFile, ...]
    marker: str = ""


@dataclass(frozen=True, kw_only=True)
class RequirementSet:
    """A resolution: what it was resolved from and what came out, sorted by name."""

    declared: Declared
    requirements: tuple[LockedRequirement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LockedPlatform:
    """An image on one platform.

    ``digest`` is the sha256 of the OCI manifest, the same on every machine. ``packages`` are this
    image's own, in unpacking order, without those of the image it starts from. ``python`` is the
    interpreter's ``3.11`` and ``glibc`` the C library's ``2.36``, both empty when it has none.
    ``interpreter`` is where that Python stands, empty for Debian's place; ``base`` what was taken
    from a registry or an archive to start from.
    """

    digest: str
    packages: tuple[DebianPackage, ...]
    wheels: tuple[PythonFile, ...] = ()
    python: str = ""
    glibc: str = ""
    interpreter: str = ""
    base: LockedBase | None = None


LockedFile = DebianPackage | PythonFile | ImageBlob
"""What the lock names by sha256 and `fetch` brings."""


@dataclass(frozen=True, kw_only=True)
class LockedImage:
    """An image: its declaration and each platform (``linux/amd64``) it was resolved for."""

    declared: Declared
    platforms: Mapping[str, LockedPlatform]


@dataclass(frozen=True, kw_only=True)
class LockedStage:
    """A container stage: for each cell's base (``cp311-linux_x86_64``) what its ``/env`` holds.

    With a source axis the key is ``SOURCE:cp311-linux_x86_64``. ``hooks`` inside
    `RequirementSet.declared` names what the backend's own hooks asked for.
    """

    sets: Mapping[str, RequirementSet]


@dataclass(frozen=True, kw_only=True)
class Lock:
    """All of ``pipeline.lock``. ``epoch`` is SOURCE_DATE_EPOCH in seconds."""

    epoch: int
    images: Mapping[str, LockedImage] = field(default_factory=dict)
    stages: Mapping[str, LockedStage] = field(default_factory=dict)
    environments: Mapping[str, RequirementSet] = field(default_factory=dict)
    sources: Mapping[str, PythonFile] = field(default_factory=dict)
