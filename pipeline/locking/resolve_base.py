"""Images that others made: what a reference or an archive means today, and what such an image has.

Its layers are fetched and unpacked at once, since which interpreter and C library it has, on which
all wheels depend, can only be seen inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, LockError, NetworkError
from pipeline.images.archive import opened
from pipeline.images.based import Base
from pipeline.images.facts import facts, resolve
from pipeline.lock.types import LockedPlatform
from pipeline.registry.pin import pin
from pipeline.registry.reference import Reference

if TYPE_CHECKING:
    from pipeline.config.model import Image
    from pipeline.lock.types import LockedBase
    from pipeline.locking.context import Context
    from pipeline.platforms import Target


DEBIAN = "/usr/lib/python3/dist-packages"


def resolve_base(image: Image, target: Target, context: Context) -> LockedPlatform | None:
    """Return what an image starts from when others made that; None for a suite or another image.

    It has no digest yet.

    Raises ConfigError, LockError, NetworkError, VerificationError.
    """
    if not (image.origin.registry or image.origin.archive):
        return None
    what = f"image {image.name}: looking for what it starts from, for {target.value}"
    with context.activity.doing(what):
        base, documents = _pinned(image, target, context)
    for data in documents.values():
        context.store.add_blob(data)
    context.fetch(base.blobs)
    unpacked = Base(base, context.store)
    path = dict(unpacked.configuration.env).get("PATH", "")
    found = facts(unpacked.directory(), path=path, triplet=target.triplet)
    is_debian = found.interpreter == f"/usr/bin/python{found.python}"
    return LockedPlatform(
        digest="",
        packages=(),
        python=found.python,
        glibc=found.glibc,
        interpreter="" if is_debian else found.interpreter,
        base=base,
    )


def check_python(image: Image, start: LockedPlatform, context: Context) -> None:
    """Refuse Python packages on an image whose Python looks for them where we do not know.

    A system's own Python is patched: Debian's finds what is added in ``dist-packages``, and what
    other systems do is theirs to say. ConfigError.
    """
    if start.interpreter or not start.base:
        return
    if start.python and not resolve(Base(start.base, context.store).directory(), DEBIAN):
        raise ConfigError(
            f"image `{image.name}` adds Python packages to an image whose `/usr/bin/python3` is "
            "not Debian's, so it is not known where they belong",
            where=context.where("images", image.name, "python"),
            hint="take an image with a Python of its own, such as one in `/usr/local`, or let the "
            "stages bring the packages in `/env`",
        )


def _pinned(image: Image, target: Target, context: Context) -> tuple[LockedBase, dict[str, bytes]]:
    where = context.where("images", image.name, "from")
    try:
        if image.origin.archive:
            with opened(context.pipeline.root, image.origin.archive) as archive:
                return pin(archive, target.platform)
        if context.settings.offline:
            raise NetworkError(
                f"the registry that image `{image.name}` starts from cannot be asked: the network "
                "is off",
                where=where,
                hint="run `pipeline lock` with the network, or keep the image as an archive",
            )
        reference = Reference.parse(image.origin.registry or "", where=where)
        return pin(context.registry.documents(reference), target.platform)
    except LockError as error:
        error.where = error.where or where
        raise
