"""SLSA provenance v1 for one file, as an in-toto statement v1.

<https://slsa.dev/spec/v1.2/build-provenance>, <https://in-toto.io/Statement/v1>. What a rebuild
needs stands in ``externalParameters``: the commit, the cell, and the digests of declarations and
lock. No times: ``startedOn`` would make the evidence of two equal builds differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pipeline.errors import VerificationError
from pipeline.evidence.dependencies import descriptors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.lock.types import Lock
    from pipeline.plan.types import Plan, PlannedCell

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:pipeline:build:cell:1"
EQUIVALENCE_TYPE = "urn:pipeline:build:equivalence:1"
BUILDER = "urn:pipeline:builder"
"""Whoever runs the tool. Who that was is for a signature to say, not for the statement itself."""

SUFFIX = ".provenance.json"
"""What follows the file's own name in the name of its statement."""

SIZE_LIMIT = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the sources are from.

    ``commit`` is empty where the tree holds changes that no commit has, or outside of git;
    ``repository`` is the address of the remote without user and password, empty for none.
    ``files`` are the sha256 of the declarations and the lock, by path.
    """

    commit: str
    repository: str
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Builder:
    """What vouches for the build: the tool's version, and those of what wrote the archives.

    Which engine ran the steps is left out: all of them give the same bytes, and the result may be
    one that another engine left in the cache.
    """

    version: str
    libraries: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a statement says, as far as a rebuild goes by it.

    ``platform`` is the one that the cell's steps ran on; ``definition`` all that is said of how.
    """

    name: str
    sha256: str
    cell: str
    platform: str
    commit: str
    repository: str
    files: Mapping[str, str]
    definition: Mapping[str, Any]


def statement(
    file: tuple[str, str],
    cell: PlannedCell,
    plan: Plan,
    lock: Lock,
    *,
    origin: Origin,
    builder: Builder,
) -> dict[str, object]:
    """Return the statement about ``file`` (its name and sha256), which ``cell`` made."""
    name, sha256 = file
    predicate = {
        "buildDefinition": definition(cell, plan, lock, origin=origin),
        "runDetails": _run(cell, builder),
    }
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }


def definition(cell: PlannedCell, plan: Plan, lock: Lock, *, origin: Origin) -> dict[str, Any]:
    """Return all that determines what a container cell makes."""
    if cell.recipe is None:
        raise ValueError(cell.name)
    needed = _all_needed(cell, plan)
    recipes = [each.recipe for each in needed if each.recipe]
    external = {
        "cell": cell.name,
        "commit": origin.commit,
        "repository": origin.repository,
        "files": dict(sorted(origin.files.items())),
    }
    internal = {
        "key": cell.key,
        "components": dict(cell.recipe.components),
        "strategy": cell.strategy.name if cell.strategy else "native",
        "needs": {each.name: each.key for each in needed[:-1]},
        "epoch": lock.epoch,
        "hermetic": all(recipe.network == "none" for recipe in recipes),
    }
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": external,
        "internalParameters": internal,
        "resolvedDependencies": [*_source(origin), *descriptors(recipes, lock)],
    }


def _run(cell: PlannedCell, builder: Builder) -> dict[str, object]:
    libraries = [
        {"name": name, "uri": f"pkg:pypi/{name}@{version}"}
        for name, version in sorted(builder.libraries.items())
    ]
    return {
        "builder": {
            "id": BUILDER,
            "version": {"pipeline": builder.version},
            "builderDependencies": libraries,
        },
        "metadata": {"invocationId": f"urn:pipeline:key:{cell.key}"},
    }


def _source(origin: Origin) -> list[dict[str, object]]:
    if not origin.commit:
        return []
    uri = f"git+{origin.repository}@{origin.commit}" if origin.repository else ""
    where = {"uri": uri} if uri else {"uri": f"urn:pipeline:commit:{origin.commit}"}
    return [{"name": "repository", **where, "digest": {"gitCommit": origin.commit}}]


def _all_needed(cell: PlannedCell, plan: Plan) -> list[PlannedCell]:
    """Return all cells that a cell rests on, in the plan's order, and last the cell itself."""
    by_name = plan.by_name()
    wanted: set[str] = set()
    waiting = [cell.name]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].needs
    return [each for each in plan.cells if each.name in wanted and each.name != cell.name] + [cell]


def equivalence(name: str, sha256: str, commit: str) -> dict[str, object]:
    """Return a statement that a file came out with the same bytes when a commit was built again.

    The shape is that of oss-rebuild's ``ArtifactEquivalence``.
    """
    candidate = f"rebuild/{name}"
    definition = {
        "buildType": EQUIVALENCE_TYPE,
        "externalParameters": {"candidate": candidate, "target": name},
        "internalParameters": {"commit": commit},
        "resolvedDependencies": [
            {"name": candidate, "digest": {"sha256": sha256}},
            {"name": name, "digest": {"sha256": sha256}},
        ],
    }
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }


def text(document: Mapping[str, object]) -> str:
    """Return a statement's text: sorted keys, so that one value has one text."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_claim(file: Path) -> Claim:
    """Return what a statement written by `text` claims; VerificationError for anything else."""
    try:
        return _claim(_read(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is none that this tool wrote"
        raise VerificationError(
            f"`{file}` is no provenance that a rebuild can go by: {why}",
            hint="`pipeline run STAGE --provenance` writes it, and so does a run that publishes",
        ) from error


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON as it comes; `_claim` takes what it knows
    with file.open("rb") as stream:
        return json.loads(stream.read(SIZE_LIMIT))


def _plain(name: object) -> str:
    """Return a path that stays below where it is looked for; ValueError for any other."""
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(name)
    return str(path)


def _claim(document: Any) -> Claim:  # noqa: ANN401 - as above
    definition = document["predicate"]["buildDefinition"]
    kinds = (document["_type"], document["predicateType"], definition["buildType"])
    if kinds != (STATEMENT, PREDICATE, BUILD_TYPE):
        raise ValueError(kinds)
    (subject,) = document["subject"]
    external = definition["externalParameters"]
    return Claim(
        name=_plain(subject["name"]),
        sha256=str(subject["digest"]["sha256"]),
        cell=str(external["cell"]),
        platform=str(definition["internalParameters"]["components"]["platform"]),
        commit=str(external["commit"]),
        repository=str(external["repository"]),
        files={_plain(name): str(digest) for name, digest in external["files"].items()},
        definition=definition,
    )
