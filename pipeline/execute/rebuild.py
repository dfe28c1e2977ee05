"""Building again from nothing, in other surroundings, to see whether the bytes hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import start
from pipeline.checkout.snapshot import copy_files
from pipeline.errors import StageFailedError, VerificationError
from pipeline.evidence.provenance import equivalence
from pipeline.execute.outputs import SUFFIX
from pipeline.execute.provision import wanted_files
from pipeline.files import sha256_file
from pipeline.process import run
from pipeline.store.store import Store
from pipeline.wheels.compare import compare

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.checkout.inputs import Checkout
    from pipeline.execute.means import Means
    from pipeline.execute.report import RunReport
    from pipeline.plan.types import Plan

UMASK = "0077"
SURROUNDINGS = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "tr_TR.UTF-8"}
"""What differs from the usual, besides the umask, the directory and the store."""

KEPT = re.compile(r"PATH|HOME|SSH_AUTH_SOCK|KUBECONFIG|(DOCKER|BUILDX)_.*")
"""The variables that stay: how to find programs, and a daemon."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A file that was made twice: both digests, and what differs.

    ``commit`` is what the second one was made of, empty for the working tree.
    """

    name: str
    first: str
    second: str
    differences: tuple[str, ...] = ()
    commit: str = ""

    @property
    def same(self) -> bool:
        """Whether the bytes are equal."""
        return self.first == self.second

    def document(self) -> dict[str, object]:
        """Return it as JSON's types; of a file that a commit gave again with a statement of it."""
        proven = self.same and self.commit
        return {
            "name": self.name,
            "same": self.same,
            "first": self.first,
            "second": self.second,
            "differences": list(self.differences),
            **({"statement": equivalence(self.name, self.first, self.commit)} if proven else {}),
        }


def rebuild(
    plan: Plan,
    first: RunReport,
    checkout: Checkout,
    means: Means,
    *,
    engine: tuple[str, str],
) -> tuple[Comparison, ...]:
    """Build a plan's cells once more and compare every file with those of the first run.

    The second build is a process of its own, with a store that holds nothing but the locked
    downloads, over a copy of the checkout in another directory, and without the network.
    ``engine`` is the name of an engine and of its builder.
    """
    with means.store.scratch("verify") as scratch:
        copy = copy_files(checkout, scratch / "a copy of the checkout")
        dist = build_elsewhere(plan, means, copy, scratch, engine=engine)
        return tuple(
            compare_files(artifact.name, artifact.path, dist / artifact.name)
            for artifact in first.artifacts
        )


def build_elsewhere(
    plan: Plan, means: Means, copy: Path, scratch: Path, *, engine: tuple[str, str]
) -> Path:
    """Build the cells of a plan in the checkout ``copy``; return the directory of the files.

    ``scratch`` is a place for the second build's store and output. Raises StageFailedError.
    """
    dist = scratch / "dist"
    _seed(plan, means, scratch / "store")
    names = [cell.name for cell in plan.cells if cell.recipe and not cell.internal]
    env = _environment(plan, scratch / "store")
    _run_again([*names, *_flags(engine)], copy, dist, env)
    return dist


def _seed(plan: Plan, means: Means, directory: Path) -> None:
    """Put the locked downloads into a new store, each byte hashed on the way."""
    recipes = [cell.recipe for cell in plan.cells if cell.recipe]
    parents = {name: image.origin.image or "" for name, image in means.pipeline.images.items()}
    with Store.open(directory) as store:
        for wanted in wanted_files(recipes, means.lock, parents):
            digest = wanted.sha256
            with means.store.open_blob(digest) as source, store.new_blob(digest) as blob:
                shutil.copyfileobj(source, blob)


def _flags(engine: tuple[str, str]) -> list[str]:
    """Return the flags of an engine that is to take nothing from a cache of its own."""
    name, builder = engine
    return ["--engine", name, "--rebuild", *(["--builder", builder] if name == "buildkit" else [])]


def _environment(plan: Plan, store: Path) -> dict[str, str]:
    """Return the variables of the second build: few, what holds secrets, and other surroundings."""
    secrets = {name for c in plan.cells if c.recipe for name in c.recipe.secrets.values()}
    kept = {n: value for n, value in os.environ.items() if n in secrets or KEPT.fullmatch(n)}
    return {**kept, **SURROUNDINGS, "PIPELINE_CACHE_DIR": str(store)}


def _run_again(words: list[str], copy: Path, dist: Path, env: dict[str, str]) -> None:
    command = [sys.executable, "-I", "-S", start.__file__, "run", *words, "--offline", "--json"]
    command += ["--dist", str(dist), "-C", str(copy)]
    shell = ["/bin/sh", "-c", f'umask {UMASK}; exec "$@"', "sh", *command]
    completed = run(shell, env=env)
    if completed.status:
        words = completed.stderr.strip().splitlines()[-40:]
        raise StageFailedError("the second build failed", detail=tuple(words))
    json.loads(completed.stdout)


def compare_files(name: str, first: Path, second: Path) -> Comparison:
    """Compare two builds of a file called ``name``; of archives also what differs inside."""
    digest = sha256_file(first)
    if not second.is_file():
        return Comparison(name=name, first=digest, second="", differences=("is missing",))
    again = sha256_file(second)
    differences: tuple[str, ...] = ()
    if again != digest and not name.endswith(tuple(SUFFIX.values())):
        differences = ("other bytes",)
    elif again != digest:
        differences = _differences(name, first, second)
    return Comparison(name=name, first=digest, second=again, differences=differences)


def _differences(name: str, first: Path, second: Path) -> tuple[str, ...]:
    """Return what differs inside of two archives, or why one of them cannot be looked into."""
    named = second.parent / "first" / name
    named.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(first, named)
    try:
        return tuple(str(difference) for difference in compare(named, second))
    except VerificationError as error:
        return (error.message,)
