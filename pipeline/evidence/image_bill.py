"""The bill of an image that a cell made: the packages of every layer, and the wheels in `/env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.evidence.packages import debian_component, python_component, stack, suite
from pipeline.lock.types import PythonFile
from pipeline.plan.recipe import EnvironmentInput, ImageInput, InstalledInput
from pipeline.wheels.cyclonedx import hashes, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.lock.types import Lock
    from pipeline.plan.recipe import Recipe
    from pipeline.wheels.cyclonedx import Component

SUFFIX = ".cdx.json"


def image_bill(recipe: Recipe, sha256: str, lock: Lock, made: Mapping[str, str]) -> str:
    """Return the bill of an image's archive, whose digest is ``sha256``.

    ``made`` are the wheels that cells of the same plan built for it: sha256 by the file's name.
    What commands of the stage put into the layer besides is not in it: nobody knows what they do.
    """
    if recipe.image is None:
        raise ValueError(recipe.key)
    main: Component = {
        "type": "container",
        "bom-ref": f"image:{recipe.image.name}:{recipe.image.tag}",
        "name": recipe.image.name,
        "version": recipe.image.tag,
        "hashes": hashes(sha256),
    }
    built = (PythonFile(name=name, sha256=digest, size=0) for name, digest in made.items())
    return text(main, [*_locked(recipe, lock), *map(python_component, built)], epoch=recipe.epoch)


def _locked(recipe: Recipe, lock: Lock) -> Iterator[Component]:
    for part in recipe.inputs.values():
        if isinstance(part, ImageInput):
            of_suite = suite(part.image, lock)
            for locked in stack(part.image, part.platform, lock):
                yield from (debian_component(package, of_suite) for package in locked.packages)
                yield from (python_component(wheel) for wheel in locked.wheels)
        elif isinstance(part, InstalledInput):
            yield from (python_component(wheel) for wheel in part.environment.wheels)
        elif isinstance(part, EnvironmentInput):
            yield from (python_component(wheel) for wheel in part.wheels)
