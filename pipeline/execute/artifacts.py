"""The files that cells made: found in the store, copied to where people look for them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, VerificationError
from pipeline.execute.report import Artifact
from pipeline.files import sha256_file, sibling

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store
    from pipeline.store.trees import Tree


DIST = "dist"
"""Where wheels and sdists go in a repository unless told otherwise."""


def artifacts(tree: Tree, store: Store) -> tuple[Artifact, ...]:
    """Return the files of an output tree."""
    return tuple(
        Artifact(
            name=entry.path,
            path=store.blob_path(entry.digest),
            sha256=entry.digest,
            size=entry.size,
        )
        for entry in tree.entries
        if entry.kind == "file"
    )


def copy_to(directory: Path, made: tuple[Artifact, ...]) -> dict[str, str]:
    """Copy artifacts into a directory by rename from a sibling; return their paths by name.

    A file that already holds the same bytes is left alone. Raises PipelineError when two
    artifacts have one name and other bytes, or when the directory cannot be written.
    """
    _refuse_clashes(made)
    paths = {}
    for artifact in made:
        target = directory / artifact.name
        paths[artifact.name] = str(target)
        try:
            if not _same(target, artifact):
                _place(artifact, target)
        except OSError as error:
            raise PipelineError(
                f"`{target}` cannot be written: {error.strerror}",
                hint="name another directory with `--dist`",
            ) from error
    return paths


def _refuse_clashes(made: tuple[Artifact, ...]) -> None:
    digests: dict[str, str] = {}
    for artifact in made:
        if digests.setdefault(artifact.name, artifact.sha256) != artifact.sha256:
            raise PipelineError(
                f"two cells made different files that are both called `{artifact.name}`, "
                "so one would be lost",
                hint="give them other names, or run the stages apart with a `--dist` for each",
            )


def drop_rotted(tree: Tree, store: Store) -> bool:
    """Remove the blobs of a stored output that are not what their names say; whether any was."""
    rotted = False
    for artifact in artifacts(tree, store):
        if sha256_file(artifact.path) != artifact.sha256:
            artifact.path.unlink()
            rotted = True
    return rotted


def _same(target: Path, artifact: Artifact) -> bool:
    try:
        return target.stat().st_size == artifact.size and sha256_file(target) == artifact.sha256
    except FileNotFoundError:
        return False


def _place(artifact: Artifact, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = sibling(target)
    try:
        shutil.copyfile(artifact.path, temporary)
        if sha256_file(temporary) != artifact.sha256:
            artifact.path.unlink()
            raise VerificationError(
                f"the stored bytes of `{artifact.name}` rotted; the file was dropped",
                hint="run again: it is then built anew",
            )
        temporary.chmod(0o644)
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
