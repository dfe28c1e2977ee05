"""Which compilers an image has, as its lock says, and so where a wheel can be built.

Nothing here depends on the machine that asks: locking goes by it as well as planning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.config.model import Image
    from pipeline.config.stages import WheelStage
    from pipeline.cross.compiler import Family
    from pipeline.lock.types import LockedImage, LockedPlatform, PythonFile

ZIG = "ziglang-"
"""How the file name of zig's wheel begins."""

_COMPILERS = re.compile(r"(gcc|g\+\+|clang|cpp|tcc)(-[0-9.]+)?")


@dataclass(frozen=True, kw_only=True)
class Images:
    """Declared and locked images; a name may be missing from ``locked``."""

    declared: Mapping[str, Image]
    locked: Mapping[str, LockedImage]

    def platforms(self, image: str) -> tuple[Target, ...]:
        """Return what an image is locked for."""
        locked = self.locked.get(image)
        return tuple(
            Target.of_platform(name) for name in sorted(locked.platforms if locked else ())
        )

    def zig(self, image: str, machine: Target) -> PythonFile | None:
        """Return the wheel of zig in an image on a platform, None where it has none."""
        parts = self._parts(image, machine)
        wheels = (wheel for part in parts for wheel in part.wheels)
        return next((wheel for wheel in wheels if wheel.name.startswith(ZIG)), None)

    def has_zig(self, image: str, machine: Target) -> bool:
        """Whether zig is in an image on a platform."""
        return self.zig(image, machine) is not None

    def has_own_compiler(self, image: str, machine: Target) -> bool:
        """Whether an image has a compiler for its own platform, zig aside; others' images may."""
        if any(part.base for part in self._parts(image, machine)):
            return True
        return any(_COMPILERS.fullmatch(name) for name in self._packages(image, machine))

    def cross_compiler(self, image: str, machine: Target, target: Target) -> Family | None:
        """Return what an image has to compile on one platform for another."""
        if self.has_zig(image, machine):
            return "zig"
        return "gcc" if debian_compiler(target) in self._packages(image, machine) else None

    def may_have(self, image: str, machine: Target, package: str) -> bool:
        """Whether a Debian package is in an image; one that others made may hold anything."""
        others = any(part.base for part in self._parts(image, machine))
        return others or package in self._packages(image, machine)

    def _packages(self, image: str, machine: Target) -> Iterator[str]:
        for part in self._parts(image, machine):
            yield from (package.name for package in part.packages)

    def _parts(self, image: str, machine: Target) -> Iterator[LockedPlatform]:
        """Yield the locked parts of an image on a platform: its own, then those below."""
        name = image
        while name in self.locked:
            if part := self.locked[name].platforms.get(machine.platform):
                yield part
            name = self.declared[name].origin.image or ""


def debian_compiler(target: Target) -> str:
    """Return the Debian package that compiles for a target: ``gcc-aarch64-linux-gnu``."""
    return f"gcc-{target.triplet.replace('_', '-')}"


def compiles(images: Images, image: str, machine: Target) -> bool:
    """Whether an image has any compiler on a platform."""
    return images.has_zig(image, machine) or images.has_own_compiler(image, machine)


def prebuilt(images: Images, stage: WheelStage, image: str, target: Target) -> bool:
    """Whether a wheel is for its target by prebuilt files alone: nothing is compiled for it."""
    return target.value in stage.resources and not compiles(images, image, target)


def machines(images: Images, stage: WheelStage, image: str, target: Target) -> tuple[Target, ...]:
    """Return the platforms on which a wheel for a target may be built, itself first."""
    others = tuple(machine for machine in images.platforms(image) if machine is not target)
    if stage.strategy in {"native", "emulate"}:
        return (target,)
    if prebuilt(images, stage, image, target):
        return (target, *others)
    return (target, *(m for m in others if images.cross_compiler(image, m, target)))
