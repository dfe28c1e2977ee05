"""An image from the files that a recipe left: the same bytes, whatever engine made them.

The engine makes a tree and no image. Layer, configuration, manifest and archive are written here,
so that no builder's idea of an image gets into the digest.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, StoreError
from pipeline.execute.provision import TREE_EPOCH
from pipeline.files import sibling
from pipeline.images import bundle, layer
from pipeline.images.extend import Change, extend
from pipeline.store.faults import guarded
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.engines.protocol import ImageContext
    from pipeline.images.bundle import Bundle
    from pipeline.plan.recipe import ImageOutput
    from pipeline.store.store import Store

PREFIX = "org.opencontainers.image"
ENVIRONMENT = "/env/bin"


def pack(image: ImageOutput, tree: Tree, below: ImageContext, store: Store, *, epoch: int) -> Tree:
    """Return the output that counts of an image stage: its archive, as a stored tree.

    ``tree`` is what the engine left, the topmost layer; ``below`` the image that it lies on.
    """
    base = bundled(below)
    with store.scratch("image") as scratch:
        made = extend(base, _layer(tree, scratch, store), _change(image, base, epoch))
        with store.new_blob() as archive:
            for piece in bundle.stream(made, name=image.name, tag=image.tag):
                archive.write(piece)
    found = Tree.of([Entry(path=image.file, digest=archive.digest, size=archive.size)])
    store.put_tree(found)
    return found


def bundled(context: ImageContext) -> Bundle:
    """Return an image with all its bytes at hand."""
    if context.layout is None:
        raise StoreError(f"the image `{context.digest}` has no OCI layout")
    return bundle.from_layout(context.layout(), context.digest)


def save(made: Bundle, file: Path, *, name: str, tag: str) -> Entry:
    """Write an image as an archive, which appears at ``file`` when it is whole.

    Returns its digest and size. Raises PipelineError when it cannot be written.
    """
    temporary = sibling(file)
    found, size = hashlib.sha256(), 0
    try:
        with temporary.open("xb") as output:
            for piece in bundle.stream(made, name=name, tag=tag):
                found.update(piece)
                size += output.write(piece)
        temporary.rename(file)
    except OSError as error:
        raise PipelineError(f"`{file}` cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return Entry(path=file.name, digest=found.hexdigest(), size=size)


def _layer(tree: Tree, scratch: Path, store: Store) -> bundle.LayerFile:
    root, file = scratch / "root", scratch / "layer.tar"
    store.materialise(tree, root, epoch=TREE_EPOCH)
    with guarded("writing an image's layer in", scratch), file.open("wb") as output:
        written = layer.write(root, output)
    return bundle.LayerFile(path=file, digest=written.sha256, size=written.size)


def _change(image: ImageOutput, base: Bundle, epoch: int) -> Change:
    created = dt.datetime.fromtimestamp(epoch, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    always = {f"{PREFIX}.created": created, f"{PREFIX}.base.digest": f"sha256:{base.digest}"}
    return Change(
        created=created,
        origin=f"stage {image.name}",
        env=dict(image.env),
        path=ENVIRONMENT if image.environment else "",
        entrypoint=image.entrypoint,
        cmd=image.cmd,
        workdir=image.workdir,
        labels=dict(image.labels),
        annotations=always | dict(image.annotations),
    )
