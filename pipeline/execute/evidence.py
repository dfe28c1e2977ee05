"""The evidence of a run, beside its files: a statement about each, and of images also a bill."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.checkout import git
from pipeline.checkout.differences import differences
from pipeline.checkout.history import prefix
from pipeline.checkout.worktree import is_repository
from pipeline.errors import PipelineError
from pipeline.evidence.image_bill import SUFFIX as BILL
from pipeline.evidence.image_bill import image_bill
from pipeline.evidence.provenance import SUFFIX, Builder, Origin, statement, text
from pipeline.execute.canonical import LIBRARIES
from pipeline.files import atomic_write, sha256_bytes, sha256_file
from pipeline.lock.file import FILE as LOCK_FILE
from pipeline.plan.recipe import InstalledInput
from pipeline.start import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.execute.report import CellReport
    from pipeline.lock.types import Lock
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import Plan

DIRECTORY = "provenance"
"""Where evidence lies below the directory of the files, out of the way of ``dist/*``."""

SHORT_ADDRESS = re.compile(r"(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/:\s]\S*)")
"""``user@host:path``, as ssh takes it (git-clone(1))."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A text, the name of its file below `DIRECTORY`, and the cell whose file it is about."""

    cell: str
    name: str
    text: str


def gather(
    plan: Plan, cells: Iterable[CellReport], lock: Lock, origin: Origin
) -> Iterator[Evidence]:
    """Yield the evidence of each file that ``cells`` made.

    Nothing in it is of this machine: no path, no time, no user. Equal sources, lock and commit
    give equal evidence.
    """
    by_name, builder = plan.by_name(), _builder()
    reports = {cell.cell: cell for cell in cells}
    for name, report in reports.items():
        planned = by_name[name]
        for made in report.outputs:
            file = (made.name, made.sha256)
            said = statement(file, planned, plan, lock, origin=origin, builder=builder)
            yield Evidence(cell=name, name=made.name + SUFFIX, text=text(said))
            if planned.recipe and planned.recipe.image:
                wheels = _wheels(planned.recipe, reports)
                bill = image_bill(planned.recipe, made.sha256, lock, wheels)
                yield Evidence(cell=name, name=made.name + BILL, text=bill)


def _wheels(recipe: Recipe, reports: Mapping[str, CellReport]) -> dict[str, str]:
    """Return the wheels that were built for an environment: sha256 by name."""
    parts = (part for part in recipe.inputs.values() if isinstance(part, InstalledInput))
    built = (made for part in parts for one in part.built for made in reports[one.cell].outputs)
    return {made.name: made.sha256 for made in built if made.name.endswith(".whl")}


def _builder() -> Builder:
    return Builder(
        version=version(),
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
    )


def origin_of(root: Path, copy: Path | None = None) -> Origin:
    """Return where a project's sources are from; no commit where some change is in none.

    ``copy`` is where the files are that count, if that is not the work tree.
    """
    place = copy or root
    found = [place / "pipeline.yaml", place / LOCK_FILE, *place.glob("images/*.yaml")]
    files = {path.relative_to(place).as_posix(): sha256_file(path) for path in sorted(found)}
    commit = git.head(root) if is_repository(root) and not _changed(root, files) else ""
    if not commit or (copy is None and differences(root, commit)):
        return Origin(commit="", repository="", files=files)
    return Origin(commit=commit, repository=_repository(root), files=files)


def _changed(root: Path, declarations: Iterable[str]) -> bool:
    """Whether something that counts is in no commit; what git does not track is no input."""
    own = prefix(root)
    untracked = {f"{own}{name}" for name in declarations}
    return any(
        change.path in untracked if change.code == "??" else change.path.startswith(own)
        for change in git.status(root)
    )


def _repository(root: Path) -> str:
    remotes = git.remotes(root)
    if not remotes:
        return ""
    name = "origin" if "origin" in remotes else remotes[0]
    return public_address(git.ask(root, "remote", "get-url", "--", name).strip())


def public_address(address: str) -> str:
    """Return the address of a remote without user and password; empty for a path."""
    if short := SHORT_ADDRESS.fullmatch(address):
        return f"ssh://{short['host']}/{short['path']}"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in {"https", "http", "ssh", "git"} or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def write(directory: Path, made: Iterable[Evidence]) -> dict[str, list[dict[str, object]]]:
    """Write evidence below ``directory``, each by rename; PipelineError when that fails.

    Returns for each cell what was written as JSON's types: name, path, sha256 and size.
    """
    written: dict[str, list[dict[str, object]]] = {}
    for each in made:
        name, data = f"{DIRECTORY}/{each.name}", each.text.encode()
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, data)
        except OSError as error:
            raise PipelineError(
                f"the provenance cannot be written to `{path}`: {error.strerror}",
                hint="name another directory with `--dist`",
            ) from error
        row = {"name": name, "path": str(path), "sha256": sha256_bytes(data), "size": len(data)}
        written.setdefault(each.cell, []).append(row)
    return written
