"""Resolving images: Debian closure, Python layer, digest, for each platform."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, PipelineError
from pipeline.images.assemble import image_digest
from pipeline.lock.types import Lock, LockedImage, LockedPlatform
from pipeline.locking import declared
from pipeline.locking.constraints import WORD as CONSTRAINTS
from pipeline.locking.constraints import kept, recorded
from pipeline.locking.debian import Closure, facts, locked
from pipeline.locking.fetch import missing, platform_files
from pipeline.locking.resolve_base import check_python, resolve_base
from pipeline.locking.uv import Request
from pipeline.platforms import Target
from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config.model import Image
    from pipeline.lock.types import DebianPackage, PythonFile
    from pipeline.locking.constraints import Lines
    from pipeline.locking.context import Context


def resolve_images(context: Context) -> dict[str, LockedImage]:
    """Return every image of the repository that can be locked; what one starts from comes first."""
    done: dict[str, LockedImage] = {}
    for name in sorted(context.pipeline.images):
        _attempt(name, context, done, ())
    return done


def _attempt(
    name: str, context: Context, done: dict[str, LockedImage], below: tuple[str, ...]
) -> None:
    """Resolve an image into ``done``, once; one that fails stops only what starts from it."""
    section = f"images.{name}"
    if name in done or context.failed(section):
        return
    with context.failures.noting(section, context.where("images", name)):
        _resolve(name, context, done, below)
    if name not in done:
        context.failures.sections.add(section)


def _resolve(
    name: str, context: Context, done: dict[str, LockedImage], below: tuple[str, ...]
) -> None:
    image = context.pipeline.images.get(name)
    if image is None or name in below:
        what = "is not declared" if image is None else "starts from itself"
        raise ConfigError(f"image `{name}` {what}", where=context.where("images", *below[-1:]))
    if image.origin.image:
        _attempt(image.origin.image, context, done, (*below, name))
        if image.origin.image not in done:
            return
    previous = context.moves.previous.images.get(name)
    if previous is not None and _stays(image, previous, context, done):
        if not _at_hand(previous, context):
            done[name] = previous
            return
        locked_image = previous
    else:
        words = declared.image(image, context.pipeline.root)
        platforms = {
            target.platform: _platform(image, target, context, done) for target in image.platforms
        }
        if constraints := _constraints(image, context):
            words = {**words, CONSTRAINTS: recorded(constraints, _projects(platforms))}
            words = dict(sorted(words.items()))
        locked_image = LockedImage(declared=words, platforms=platforms)
    done[name] = _with_digests(name, locked_image, context, done)


def _stays(
    image: Image, previous: LockedImage, context: Context, done: dict[str, LockedImage]
) -> bool:
    """Whether an image keeps what it was locked with."""
    moves = context.moves
    parent = image.origin.image
    parent_stays = parent is None or done[parent] == moves.previous.images.get(parent)
    own = {normal(p.name) for locked_on in previous.platforms.values() for p in locked_on.packages}
    own |= _projects(previous.platforms)
    return (
        parent_stays
        and not moves.names(image.name)
        and not own & moves.packages
        and declared.compared(previous.declared) == declared.image(image, context.pipeline.root)
        and kept(_constraints(image, context), previous.declared, _projects(previous.platforms))
        and all(locked_on.digest for locked_on in previous.platforms.values())
    )


def _at_hand(image: LockedImage, context: Context) -> bool:
    """Whether an image can be assembled again at no cost to the network.

    Then its digest is: it moves without its packages when we assemble images otherwise.
    """
    files = [file for platform in image.platforms.values() for file in platform_files(platform)]
    return not missing(files, context.store)


def _projects(platforms: Mapping[str, LockedPlatform]) -> set[str]:
    """Return the names of the Python packages of an image."""
    wheels = (wheel for locked_on in platforms.values() for wheel in locked_on.wheels)
    return {normal(wheel.name.partition("-")[0]) for wheel in wheels}


def _constraints(image: Image, context: Context) -> Lines:
    """Return the constraints that hold for an image: none where it has no Python packages."""
    return context.constraints.installs if image.python.requires else ()


def _platform(
    image: Image, target: Target, context: Context, done: dict[str, LockedImage]
) -> LockedPlatform:
    ancestors = _ancestors(image, target, context, done)
    if found := resolve_base(image, target, context):
        return _with_wheels(found, image, target, context)
    if start := next((one for one in ancestors if one.base), None):
        return replace(_with_wheels(start, image, target, context), base=None)
    return _of_packages(image, target, context, ancestors)


def _with_wheels(
    start: LockedPlatform, image: Image, target: Target, context: Context
) -> LockedPlatform:
    """Return an image that adds wheels to ``start``, which others made."""
    if image.python.requires:
        check_python(image, start, context)
    wheels = _wheels(image, target, context, start.python, start.glibc)
    return replace(start, digest="", wheels=wheels)


def _of_packages(
    image: Image, target: Target, context: Context, ancestors: list[LockedPlatform]
) -> LockedPlatform:
    inherited = [package for locked_on in ancestors for package in locked_on.packages]
    with context.activity.doing(f"image {image.name}: resolving packages for {target.value}"):
        packages = _packages(image, target, context, inherited)
    python, glibc = facts([*inherited, *packages])
    return LockedPlatform(
        digest="",
        packages=packages,
        wheels=_wheels(image, target, context, python, glibc),
        python=python,
        glibc=glibc,
    )


def _ancestors(
    image: Image, target: Target, context: Context, done: dict[str, LockedImage]
) -> list[LockedPlatform]:
    """Return what an image stands on, nearest first."""
    found = []
    parent = image.origin.image
    while parent:
        platform = done[parent].platforms.get(target.platform)
        if platform is None:
            raise ConfigError(
                f"image `{image.name}` is for {target.value}, but `{parent}`, which it starts "
                "from, is not",
                where=context.where("images", image.name, "platforms"),
                hint=f"add `{target.value}` to `platforms` in `images/{parent}.yaml`",
            )
        found.append(platform)
        parent = context.pipeline.images[parent].origin.image
    return found


def _packages(
    image: Image, target: Target, context: Context, inherited: list[DebianPackage]
) -> tuple[DebianPackage, ...]:
    if not image.packages:
        return ()
    start = image
    while start.origin.image:
        start = context.pipeline.images[start.origin.image]
    try:
        packages = context.archive.packages(start.origin.debian or "", target.debian)
    except PipelineError as error:
        error.where = error.where or context.where("images", start.name, "from", "debian")
        raise
    closure = Closure(
        packages,
        label=f"image `{image.name}`",
        where=context.where("images", image.name, "packages"),
    )
    closure.inherit(inherited, image.origin.image or "")
    closure.add(image.packages)
    return tuple(locked(stanza) for stanza in closure.ordered())


def _wheels(
    image: Image, target: Target, context: Context, python: str, glibc: str
) -> tuple[PythonFile, ...]:
    if not image.python.requires:
        return ()
    where = context.where("images", image.name, "python")
    if not python or not glibc:
        raise ConfigError(
            f"image `{image.name}` has Python packages but no Python",
            where=where,
            hint="add `python3` to its `packages`",
        )
    request = Request(
        requirements=image.python.requires,
        python=python,
        target=target,
        glibc=glibc,
        pins=_pins(image, target, context),
        moving=context.moves.packages,
        constraints=_constraints(image, context),
        label=f"the Python layer of image `{image.name}`",
        where=where,
    )
    requirements = context.resolver.for_image(request)
    return tuple(file for requirement in requirements for file in requirement.files)


def _pins(image: Image, target: Target, context: Context) -> tuple[tuple[str, str], ...]:
    previous = context.moves.previous.images.get(image.name)
    if previous is None or context.moves.names(image.name):
        return ()
    platform = previous.platforms.get(target.platform)
    names = [wheel.name.split("-") for wheel in platform.wheels] if platform else []
    return tuple((normal(name), version) for name, version, *_ in names)


def _with_digests(
    name: str, image: LockedImage, context: Context, done: dict[str, LockedImage]
) -> LockedImage:
    """Return an image with the digest of each platform, which takes assembling it."""
    unknown = {on: replace(locked_on, digest="") for on, locked_on in image.platforms.items()}
    images = {**done, name: replace(image, platforms=unknown)}
    lock = Lock(epoch=context.epoch, images=images)
    platforms = {}
    for platform, locked_on in image.platforms.items():
        with context.activity.doing(
            f"image {name}: assembling for {Target.of_platform(platform).value}"
        ):
            for needed in _chain(name, context):
                context.fetch(platform_files(images[needed].platforms[platform]))
            digest = image_digest(name, lock, platform, context.store)
        platforms[platform] = replace(locked_on, digest=digest)
    return replace(image, platforms=platforms)


def _chain(name: str | None, context: Context) -> list[str]:
    found = []
    while name:
        found.append(name)
        name = context.pipeline.images[name].origin.image
    return found
