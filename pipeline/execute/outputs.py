"""What a step left behind, made fit to be kept: normalised, audited, stored."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, StageFailedError, VerificationError
from pipeline.execute.report import Artifact
from pipeline.files import atomic_write, sha256_bytes, sha256_file
from pipeline.wheels.audit import audit
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store
    from pipeline.store.trees import Tree

SUFFIX = {"sdist": ".tar.gz", "wheel": ".whl"}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A cell's stored output and what the audit remarked."""

    tree: Tree
    remarks: tuple[str, ...] = ()


def keep(kind: str, cell: str, tree: Tree, store: Store, *, epoch: int) -> Kept:
    """Return the output that counts: of a wheel or sdist the canonical bytes, else all as it is.

    Raises StageFailedError when a build left no file, or more than one, or one that the audit
    refuses; VerificationError when the archive is malformed.
    """
    if kind not in SUFFIX:
        return Kept(tree=tree)
    found = [entry for entry in tree.entries if entry.path.endswith(SUFFIX[kind])]
    if len(found) != 1 or "/" in found[0].path:
        names = tuple(entry.path for entry in tree.entries) or ("nothing",)
        raise StageFailedError(
            f"`{cell}` should have made one {SUFFIX[kind]} file in `/out`", detail=names
        )
    with store.scratch("normalise") as scratch:
        raw, canonical = scratch / "raw", scratch / "canonical"
        raw.mkdir()
        canonical.mkdir()
        file = raw / found[0].path
        shutil.copyfile(store.blob_path(found[0].digest), file)
        remarks = _audited(cell, normalise(file, canonical, epoch=epoch))
        return Kept(tree=store.add_tree(canonical), remarks=remarks)


def _audited(cell: str, file: Path) -> tuple[str, ...]:
    findings = audit(file).findings
    errors = tuple(f"{f.rule}: {f.message}" for f in findings if f.level == "error")
    if errors:
        raise VerificationError(
            f"`{cell}` made `{file.name}`, which must not be released", detail=errors
        )
    return tuple(f"{file.name}: {f.message}" for f in findings)


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
    data = artifact.path.read_bytes()
    if sha256_bytes(data) != artifact.sha256:
        artifact.path.unlink()
        raise VerificationError(
            f"the stored bytes of `{artifact.name}` rotted; the file was dropped",
            hint="run again: it is then built anew",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(target, data, durable=False)
