"""What a step left behind, made fit to be kept: normalised, audited, stored."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import StageFailedError, VerificationError
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
