"""Released files built once more from what their provenance says, and compared.

The commit is laid out in a directory of its own, the cells are built there in other surroundings,
with a store that holds nothing but the locked downloads, and without network. What the statements
say of the build is made anew as well, and has to come out the same.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.checkout.history import commit_of, is_shallow
from pipeline.checkout.inputs import Checkout
from pipeline.checkout.snapshot import lay_out
from pipeline.checkout.worktree import is_repository
from pipeline.config.load import load
from pipeline.config.stages import TestStage
from pipeline.errors import UsageError, VerificationError
from pipeline.evidence.provenance import Origin, definition
from pipeline.execute.rebuild import Comparison, build_elsewhere, compare_files
from pipeline.execute.run import prepare
from pipeline.files import sha256_file
from pipeline.lock.file import FILE as LOCK_FILE
from pipeline.lock.file import load as load_lock
from pipeline.plan.selection import Selection
from pipeline.stages.planner import plan
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.evidence.provenance import Claim
    from pipeline.execute.means import Means
    from pipeline.lock.types import Lock
    from pipeline.plan.types import Plan
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A file, and what its provenance says of it."""

    file: Path
    claim: Claim


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A commit laid out in ``root``, with what it declares; ``scratch`` is for what is built."""

    root: Path
    scratch: Path
    pipeline: Pipeline
    lock: Lock


def check_file(claimed: Claimed) -> None:
    """Raise VerificationError when a claim is about other bytes, or about no commit."""
    file, claim = claimed.file, claimed.claim
    digest = sha256_file(file)
    if digest != claim.sha256:
        raise VerificationError(
            f"the provenance is about other bytes than those of `{file.name}`",
            detail=(f"the file is  {digest}", f"it should be {claim.sha256}"),
            hint="do not use the file before you know which of the two was changed",
        )
    if not claim.commit:
        raise VerificationError(
            f"`{file.name}` was built from changes that are in no commit, so nobody can rebuild it",
            hint="commit first, then build what is to be released",
        )


@contextlib.contextmanager
def snapshot(root: Path, commit: str, store: Store) -> Iterator[Snapshot]:
    """Lay out a commit of the repository ``root`` while the body runs; UsageError without it."""
    if not is_repository(root) or commit_of(root, commit) != commit:
        shallow = is_repository(root) and is_shallow(root)
        raise UsageError(
            f"the commit {commit} is not in this repository",
            hint="the clone is shallow: `git fetch --unshallow --tags` brings the rest"
            if shallow
            else "run it in a clone of the project that has the commit",
        )
    with store.scratch("reproduce") as scratch:
        copy = lay_out(root, commit, scratch / "a copy of the commit")
        lock = load_lock(copy / LOCK_FILE)
        yield Snapshot(root=copy, scratch=scratch, pipeline=load(copy), lock=lock)


def reproduce(
    claims: Sequence[Claimed], laid: Snapshot, means: Means, *, engine: tuple[str, str]
) -> tuple[Comparison, ...]:
    """Build what ``claims`` are about, all of one commit, and compare it with their files.

    ``means`` are those of the snapshot. Raises VerificationError when a claim says of the build
    what the commit does not.
    """
    for claimed in claims:
        _check_declarations(laid.root, claimed.claim)
    wanted = _plan(laid, dict.fromkeys(claimed.claim.cell for claimed in claims))
    for claimed in claims:
        _check_definition(claimed, wanted, laid.lock)
    dist = _build(wanted, laid, means, engine)
    compared = (compare_files(c.claim.name, c.file, dist / c.claim.name) for c in claims)
    commits = (claimed.claim.commit for claimed in claims)
    return tuple(replace(one, commit=commit) for one, commit in zip(compared, commits, strict=True))


def made_for(stages: Collection[str], laid: Snapshot) -> tuple[str, ...]:
    """Return the cells whose files some publishing stages of a snapshot take."""
    planned = _plan(laid, stages)
    cells = planned.by_name()
    needs = (need for cell in planned.cells if cell.stage.name in stages for need in cell.needs)
    made = (name for name in needs if cells[name].recipe)
    return tuple(n for n in dict.fromkeys(made) if not isinstance(cells[n].stage, TestStage))


def made_again(
    cells: Collection[str], laid: Snapshot, means: Means, *, engine: tuple[str, str]
) -> Path:
    """Build cells of a snapshot, whose ``means`` these are; return the directory of the files."""
    return _build(_plan(laid, cells), laid, means, engine)


def _plan(laid: Snapshot, words: Iterable[str]) -> Plan:
    stats = StatCache(laid.scratch / "stat.json")
    checkout = Checkout(laid.root, stats, without=laid.pipeline.project.downloads)
    chosen = tuple(map(Selection.parse, words))
    return plan(laid.pipeline, laid.lock, checkout, chosen, caches=False)


def _build(wanted: Plan, laid: Snapshot, means: Means, engine: tuple[str, str]) -> Path:
    prepare([cell.recipe for cell in wanted.cells if cell.recipe], means)
    return build_elsewhere(wanted, means, laid.root, laid.scratch, engine=engine)


def _check_declarations(copy: Path, claim: Claim) -> None:
    for name, digest in claim.files.items():
        path = copy / name
        if not path.is_file() or sha256_file(path) != digest:
            raise VerificationError(
                f"`{name}` of commit {claim.commit} is not the one that the provenance of "
                f"`{claim.name}` names",
                hint="the statement is false, or belongs to another commit",
            )


def _check_definition(claimed: Claimed, wanted: Plan, lock: Lock) -> None:
    """Hold what a statement says of the build against what its commit gives.

    Not where the cell would run on another kind of machine here: then it is made of other packages,
    and yet its bytes must be the same.
    """
    claim = claimed.claim
    cell = wanted.by_name()[claim.cell]
    if cell.recipe is None or cell.recipe.platform != claim.platform:
        return
    origin = Origin(commit=claim.commit, repository=claim.repository, files=claim.files)
    expected = definition(cell, wanted, lock, origin=origin)
    different = sorted(
        name
        for name in expected.keys() | claim.definition.keys()
        if expected.get(name) != claim.definition.get(name)
    )
    if different:
        raise VerificationError(
            f"`{different[0]}` in the provenance of `{claim.name}` is not what its commit gives",
            hint="the statement was changed, or another version of `pipeline` wrote it",
        )
