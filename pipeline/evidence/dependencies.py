"""What a cell is made of, as resource descriptors (in-toto attestation framework, v1).

Complete: every Debian package, wheel, sdist, image and source tree that any step could read, of
the cell itself and of all it needs. SLSA does not ask for that; a build without network and with
a lock can say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from pipeline.evidence.packages import debian_url, python_url, stack, suite
from pipeline.plan.recipe import (
    EnvironmentInput,
    FilesInput,
    GeneratedInput,
    ImageInput,
    InstalledInput,
    OutputInput,
    SdistInput,
    SourceInput,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.lock.types import DebianPackage, Lock, PythonFile
    from pipeline.plan.recipe import Input, Recipe

Descriptor = dict[str, object]
"""``name``, ``uri`` and ``digest``, as far as each is known."""


def descriptors(recipes: Iterable[Recipe], lock: Lock) -> list[Descriptor]:
    """Return everything that recipes are made of, each once, sorted by its URI.

    What one recipe takes from another is left out: the other one is among ``recipes``.
    """
    found: dict[str, Descriptor] = {}
    for recipe in recipes:
        for part in recipe.inputs.values():
            found |= {str(each["uri"]): each for each in _of(part, lock)}
    return [found[uri] for uri in sorted(found)]


def _of(part: Input, lock: Lock) -> Iterator[Descriptor]:
    match part:
        case ImageInput():
            yield from _image(part, lock)
        case EnvironmentInput():
            yield from (_python(file) for file in part.wheels)
        case InstalledInput():
            yield from (_python(file) for file in part.environment.wheels)
        case SourceInput() | GeneratedInput():
            yield _described("source", "tree", part.source.tree.digest)
        case SdistInput():
            yield _python(part.file)
        case FilesInput():
            yield _described("steps", "files", part.digest)
        case OutputInput():
            return
        case _:
            assert_never(part)


def _image(part: ImageInput, lock: Lock) -> Iterator[Descriptor]:
    yield _described(part.image, "image", part.digest) | {
        "annotations": {"platform": part.platform}
    }
    of_suite = suite(part.image, lock)
    for locked in stack(part.image, part.platform, lock):
        yield from (_debian(package, of_suite) for package in locked.packages)
        yield from (_python(wheel) for wheel in locked.wheels)
        if locked.base:
            yield from (_described(blob.source, "blob", blob.sha256) for blob in locked.base.blobs)


def _debian(package: DebianPackage, of_suite: str) -> Descriptor:
    return {
        "name": package.path.rpartition("/")[2],
        "uri": debian_url(package, of_suite),
        "digest": {"sha256": package.sha256},
    }


def _python(file: PythonFile) -> Descriptor:
    return {"name": file.name, "uri": python_url(file.name), "digest": {"sha256": file.sha256}}


def _described(name: str, kind: str, sha256: str) -> Descriptor:
    return {"name": name, "uri": f"urn:pipeline:{kind}:{sha256}", "digest": {"sha256": sha256}}
