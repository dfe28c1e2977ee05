"""``pipeline export image``: a declared image as one file, to be kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.console import human_size
from pipeline.errors import LockError, UsageError
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.packing import bundled, save
from pipeline.execute.provision import image_files
from pipeline.images.assemble import assemble
from pipeline.images.oci import TAG
from pipeline.platforms import Target
from pipeline.stages.container import usual_target

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.config.model import Image


def export_image(arguments: argparse.Namespace, session: Session) -> int:
    """Write the image as an OCI archive, with the digest that the lock has."""
    image = _image(arguments.name, session)
    platform = _target(image, arguments.target).platform
    parents = {name: one.origin.image or "" for name, one in session.pipeline.images.items()}
    files = image_files(image.name, platform, session.lock, parents)
    fetch_shown(files.values(), session.store, session.settings, session.console)
    made = bundled(assemble(image.name, session.lock, platform, session.store))
    archive = save(made, arguments.output.absolute(), name=image.name, tag=TAG)
    if arguments.json:
        document = {
            "image": image.name,
            "platform": platform,
            "digest": made.digest,
            "path": str(arguments.output),
            "sha256": archive.digest,
            "size": archive.size,
        }
        print(json.dumps(document, indent=2))
    else:
        print(f"{arguments.output}  {human_size(archive.size)}  image sha256:{made.digest}")
    return 0


def _image(name: str, session: Session) -> Image:
    images = session.pipeline.images
    if name not in images:
        raise UsageError(
            f"there is no image `{name}`", hint=f"the images are {', '.join(sorted(images))}"
        )
    lock = session.use_lock(images=[name])
    platforms = {target.platform for target in images[name].platforms}
    if platforms - lock.images[name].platforms.keys():
        raise LockError(f"image `{name}` is not locked", hint="run `pipeline lock`")
    return images[name]


def _target(image: Image, asked: str | None) -> Target:
    if asked and Target(asked) not in image.platforms:
        names = ", ".join(target.value for target in image.platforms)
        raise UsageError(
            f"image `{image.name}` is not declared for {asked}", hint=f"its platforms are {names}"
        )
    return Target(asked) if asked else usual_target(image.platforms)
