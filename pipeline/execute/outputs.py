"""What a step left behind, made fit to be kept: normalised, audited, stored."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import StageFailedError, VerificationError
from pipeline.execute.purity import PURE_WHEEL
from pipeline.wheels.audit import audit
from pipeline.wheels.findings import finding
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pipeline.store.store import Store
    from pipeline.store.trees import Tree
    from pipeline.wheels.bill import Parts
    from pipeline.wheels.findings import Finding

SUFFIX = {"sdist": ".tar.gz", "wheel": ".whl"}
PURE = (PURE_WHEEL, SUFFIX["sdist"])
"""How the names end of files that hold nothing compiled."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A cell's stored output and what the audit remarked."""

    tree: Tree
    findings: tuple[Finding, ...] = ()


def keep(
    kind: str,
    cell: str,
    tree: Tree,
    store: Store,
    *,
    epoch: int,
    startup_files: Iterable[str] = (),
    parts: Callable[[Path], Parts] | None = None,
    expected: Callable[[str], Iterable[str]] | None = None,
) -> Kept:
    """Return the output that counts: of a wheel or sdist the canonical bytes, else all as it is.

    ``startup_files`` are the ``.pth`` and ``.start`` files that may stand at a wheel's root.
    ``parts`` says what a wheel that is for one platform can be made of, which then gets a bill;
    ``expected`` why one for any platform, by its name, should have held compiled code.
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
        known = None if parts is None or file.name.endswith(PURE) else parts(file)
        normalised = normalise(file, canonical, epoch=epoch, parts=known)
        findings = _audited(cell, normalised, frozenset(startup_files))
        if expected is not None and normalised.name.endswith(PURE_WHEEL):
            findings += tuple(_unexpected(expected(normalised.name)))
        return Kept(tree=store.add_tree(canonical), findings=findings)


def _unexpected(reasons: Iterable[str]) -> Iterator[Finding]:
    """Yield one finding with all reasons there are, if any."""
    if found := list(reasons):
        words = f"it holds nothing compiled, though {' and '.join(found)}"
        yield finding("unexpectedly-pure", f"{words}; the step's log says what became of that")


def _audited(cell: str, file: Path, startup_files: frozenset[str]) -> tuple[Finding, ...]:
    found = audit(file, allow_startup=startup_files, built=True)
    if found.errors:
        raise VerificationError(
            f"`{cell}` made `{file.name}`, which must not be released",
            detail=tuple(f"{error.rule}: {error.message}" for error in found.errors),
        )
    return found.findings
