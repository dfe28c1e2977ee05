"""Files of several jobs put together, each held against what the job that built it said of it.

What a job says travels as its output, the files as artifacts: so nothing that can write artifacts
alone can slip in a file. Machines of two kinds may run the same cell, an sdist say; then it must
have made the same bytes, and that is seen here as well. Of what they say about such a file, each
truly, the first one is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.errors import VerificationError
from pipeline.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

    Document = dict[str, Any]

ATTESTATION = ".publish.attestation"
"""What follows a file's name in that of its attestation (PEP 740, as `twine` looks for it)."""


class Made(NamedTuple):
    """A file that a cell made; ``size`` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What all jobs made: the files of each cell by its name, and where each file lies.

    ``paths`` has the statements about these files too, and for a file its attestation.
    """

    cells: Mapping[str, tuple[Made, ...]]
    paths: Mapping[str, Path]

    @property
    def files(self) -> tuple[Made, ...]:
        """Every file once, by name."""
        return tuple(sorted({made for of_cell in self.cells.values() for made in of_cell}))


def collect(needs: Document, downloaded: Path) -> Collected:
    """Find the files of all jobs in the directory that artifacts were downloaded to.

    ``needs`` is GitHub's context of that name. Raises VerificationError when a job failed, when two
    jobs made other bytes of one name, or when a file is missing, altered or nobody's.
    """
    failed = [name for name, job in needs.items() if job.get("result") != "success"]
    if failed:
        raise VerificationError(
            f"job `{failed[0]}` did not succeed, so its files are not all there",
            hint="see what that job says, and run it again",
        )
    manifests = {target: json.loads(text) for target, text in sorted(_manifests(needs).items())}
    cells = _cells(manifests)
    wanted = {name: {made.sha256} for name, made in _wanted(cells).items()}
    for rows in (rows for manifest in manifests.values() for rows in manifest.values()):
        for row in filter(_is_statement, rows):
            wanted.setdefault(row["name"], set()).add(row["sha256"])
    return Collected(cells=cells, paths=_places(downloaded, wanted))


def _is_statement(row: Document) -> bool:
    return bool(row.get("statement"))


def _cells(manifests: Mapping[str, Document]) -> dict[str, tuple[Made, ...]]:
    cells: dict[str, tuple[Made, ...]] = {}
    for target, manifest in manifests.items():
        for cell, rows in manifest.items():
            files = (row for row in rows if not _is_statement(row))
            made = tuple(sorted(Made(f["name"], f["sha256"], f["size"]) for f in files))
            if cells.setdefault(cell, made) != made:
                raise VerificationError(
                    f"`{cell}` gave other bytes in the job for {target} than in another one",
                    hint="`pipeline verify` builds it twice on one machine and names what differs",
                    detail=tuple(f"{one.name}: {one.sha256}" for one in (*cells[cell], *made)),
                )
    if not cells:
        raise VerificationError(
            "no job handed over what it built",
            hint="`pipeline ci check` says whether the workflow is as it should be",
        )
    return cells


def _manifests(needs: Document) -> dict[str, str]:
    return {
        target: text
        for job in needs.values()
        for target, text in (job.get("outputs") or {}).items()
        if text
    }


def _wanted(cells: Mapping[str, tuple[Made, ...]]) -> dict[str, Made]:
    wanted: dict[str, Made] = {}
    for cell, files in cells.items():
        for made in files:
            if wanted.setdefault(made.name, made) != made:
                raise VerificationError(
                    f"`{cell}` made a `{made.name}`, and another cell a different one of that name",
                    hint="give the files two names",
                )
    return wanted


def _places(downloaded: Path, wanted: Mapping[str, set[str]]) -> dict[str, Path]:
    """Return where each file lies that has one of the wanted digests.

    Artifacts are directories of their own, or one is all. An attestation that was made of a file
    since it was built is nobody's output: whether it is true is for the index to say.
    """
    found: dict[str, Path] = {}
    for path in sorted(downloaded.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = _name(path, downloaded, wanted)
        attested = _name(path, downloaded, {f"{name}{ATTESTATION}" for name in wanted})
        if attested and not path.is_symlink():
            found.setdefault(attested, path)
            continue
        if not name or path.is_symlink() or sha256_file(path) not in wanted[name]:
            raise VerificationError(
                f"`{path.relative_to(downloaded)}` is not a file that a job said it built",
                hint="start the run anew; should it come again, find out what wrote the artifact",
            )
        found.setdefault(name, path)
    if missing := sorted(wanted.keys() - found.keys()):
        raise VerificationError(
            f"`{missing[0]}` was built, and no artifact holds it", hint="start the run anew"
        )
    return found


def _name(path: Path, downloaded: Path, wanted: Container[str]) -> str:
    parts = path.relative_to(downloaded).parts
    names = ("/".join(parts), "/".join(parts[1:]))
    return next((name for name in names if name in wanted), "")
