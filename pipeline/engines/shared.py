"""Copies of whole trees that many builds make alike, kept in the store as layers.

An environment of some thousand files would else be linked anew and removed again in every build,
which takes longer than many a build. Only a copy of a whole context to a place where nothing is
yet can be kept, because only then its layer does not depend on what lies below.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pipeline.engines.copying import Copier, Target
from pipeline.engines.protocol import TreeContext
from pipeline.engines.union import Union
from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.dockerfile.instructions import Copy
    from pipeline.engines.protocol import Context
    from pipeline.engines.stages import Bench, StageState

FORMAT = 1


def shared_layer(
    step: Copy, stage: StageState, context: Context | None, bench: Bench
) -> Path | None:
    """Return the kept layer that does what ``step`` says; None when it has to be done each time.

    ``context`` is what it copies from, None for a stage.
    """
    if not isinstance(context, TreeContext) or not context.shared:
        return None
    if step.mode or step.owner or step.documents or [*step.sources] != ["/"]:
        return None
    path = stage.scope.path(stage.scope.expand(step, step.destination))
    if path == "/" or not _is_new(path, stage.stack.view):
        return None
    epoch = bench.request.epoch
    key = sha256_bytes(repr((FORMAT, context.digest, path, epoch)).encode())

    def make(directory: Path) -> None:
        copier = Copier(Union((str(directory),)), str(directory), epoch=epoch)
        copier.copy(Union((str(context.path),)), "/", Target(path=path, directory=True))
        copier.finish()

    return bench.store.derived("copy", key, make)


def _is_new(path: str, view: Union) -> bool:
    """Whether nothing is at ``path``, nor at the first of its parents."""
    first = "/" + path.strip("/").partition("/")[0]
    return posixpath.normpath(path) == path and view.find(first, follow=False).node is None
