"""The packages that something in a wheel can be from: those of the images it was built on.

Libraries are looked up by their files: a package lists them, and the bytes of those that have the
name that is looked for are hashed. What a compiler links in is known by the words it leaves in what
it makes: Debian's GCC names its own version, and zig its linker.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from pipeline.evidence.packages import debian_component, identity, stack, suite
from pipeline.images.deb import Deb
from pipeline.plan.recipe import ImageInput
from pipeline.wheels.bill import Parts
from pipeline.wheels.cyclonedx import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.lock.types import DebianPackage, Lock
    from pipeline.plan.recipe import Recipe
    from pipeline.store.store import Store
    from pipeline.wheels.cyclonedx import Component

LIBRARY = re.compile(r"[^/]+\.so(\.[^/]+)?")
LINKED_BY_GCC = re.compile(r"libgcc-\d+-dev|libc6-dev")
CROSS = re.compile(r"-\w+-cross")
CROSS_VERSION = re.compile(r"cross\d+$")
ZIG = "ziglang-"
ZIG_MARK = "Linker: LLD "


def parts(
    recipe: Recipe, lock: Lock, store: Store, libraries: frozenset[str] | None = None
) -> Parts:
    """Return what a recipe's wheel can be made of, besides its own sources.

    ``libraries`` are the names of files to look for, None for all that there are.
    """
    images = [part for part in recipe.inputs.values() if isinstance(part, ImageInput)]
    running = [image for image in images if image.runs]
    # Libraries are those of the sysroot, where there is one.
    sysroots = [image for image in images if not image.runs]
    looked_at = [] if libraries == frozenset() else sysroots or running
    found: dict[str, list[tuple[str, Component]]] = {}
    for package, of_suite in _packages(looked_at, lock):
        for name, digest in _libraries(package, store, libraries):
            found.setdefault(name, []).append((digest, debian_component(package, of_suite)))
    return Parts(
        libraries=found,
        runtimes=[*_of_gcc(running, lock, crosses=bool(sysroots)), *_of_zig(running, lock)],
    )


def _packages(images: list[ImageInput], lock: Lock) -> Iterator[tuple[DebianPackage, str]]:
    """Yield the Debian packages of images, each with its suite."""
    for image in images:
        of_suite = suite(image.image, lock)
        for locked in stack(image.image, image.platform, lock):
            yield from ((package, of_suite) for package in locked.packages)


def _libraries(
    package: DebianPackage, store: Store, wanted: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of the libraries in a package."""
    with Deb(store.blob_path(package.sha256), package.path) as deb:
        names = {path: path.rpartition("/")[2] for path in deb.listed()}
        named = {
            path.encode(): name
            for path, name in names.items()
            if LIBRARY.fullmatch(name) and (wanted is None or name in wanted)
        }
        if not named:
            return
        tar = deb.data()
        for member in tar:
            if member.kind == "file" and member.path in named:
                digest = hashlib.sha256()
                for piece in tar.content():
                    digest.update(piece)
                yield named[member.path], digest.hexdigest()


def _of_gcc(
    images: list[ImageInput], lock: Lock, *, crosses: bool
) -> Iterator[tuple[str, Component]]:
    """Yield what GCC links into all it makes: its own start-up code and libgcc, and libc's."""
    packages = [
        (package, of_suite)
        for package, of_suite in _packages(images, lock)
        if LINKED_BY_GCC.fullmatch(CROSS.sub("", package.name))
        and bool(CROSS.search(package.name)) is crosses
    ]
    for compiler, _ in packages:
        if not compiler.name.startswith("libgcc"):
            continue
        mark = f"GCC: (Debian {CROSS_VERSION.sub('', compiler.version)}) "
        for package, of_suite in packages:
            if package is compiler or package.name.startswith("libc6"):
                yield mark, debian_component(package, of_suite)


def _of_zig(images: list[ImageInput], lock: Lock) -> Iterator[tuple[str, Component]]:
    """Yield zig, whose wheel holds the compiler's runtime in source.

    The release and not its wheel for one platform: they hold the same sources, so that a machine of
    another platform compiles the same wheel, the bill included.
    """
    for image in images:
        for locked in stack(image.image, image.platform, lock):
            for wheel in locked.wheels:
                if wheel.name.startswith(ZIG):
                    name, version = identity(wheel.name)
                    yield ZIG_MARK, component(f"pkg:pypi/{name}@{version}", name, version)
