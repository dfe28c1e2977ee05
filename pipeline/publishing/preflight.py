"""The last look at every file of a release, before the first one is sent.

Whatever happened between building and now (a rotted disk, a meddling hand, a wrong plan) is found
here, for all distributions at once: an index takes nothing back.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name

from pipeline.console import human_size, table
from pipeline.errors import ReleaseRefusedError, VerificationError
from pipeline.files import sha256_file
from pipeline.publishing import attestations
from pipeline.publishing.judging import judged
from pipeline.publishing.session import Distribution
from pipeline.wheels.metadata import parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.release.rehearsal import Verdict


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file of the run's manifest: its name, its bytes' place, and what they were when built.

    ``size`` is in bytes; ``path`` may be a place of another name, such as a blob.
    """

    name: str
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A release that may go ahead: its files in the order of uploading, and what was said."""

    files: tuple[Distribution, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know, though it forbids nothing."""
        return tuple(f"{v.file}: {remark}" for v in self.verdicts for remark in v.remarks)


@contextlib.contextmanager
def checked(candidates: Iterable[Candidate], *, public: bool = True) -> Iterator[Checked]:
    """Check files and lay them out under their own names while the body runs.

    What only ``public`` indexes refuse is remarked for others. Raises VerificationError when bytes
    are not those that were built, ReleaseRefusedError when an index would refuse a file.
    """
    candidates = sorted(set(candidates), key=lambda one: one.name)
    _refuse_doubles(candidates)
    for candidate in candidates:
        _refuse_changed(candidate)
    with tempfile.TemporaryDirectory(prefix="pipeline-publish-") as scratch:
        laid = {one.name: _laid(one, Path(scratch)) for one in candidates}
        verdicts = judged(laid, public=public)
        _refuse_unacceptable(verdicts)
        files = [
            Distribution(
                name=verdict.file,
                path=laid[verdict.file],
                project=canonicalize_name(verdict.name),
                version=verdict.version,
                sha256=verdict.sha256,
                size=verdict.size,
                requires=_projects(verdict.requires),
            )
            for verdict in verdicts
        ]
        yield Checked(files=_ordered(files), verdicts=verdicts)


def rows(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of a table of what an index would say."""
    cells = [
        (
            *(v.file, v.name, v.version, " ".join(v.tags), human_size(v.size)),
            "accepted" if v.accepted else "refused",
        )
        for v in verdicts
    ]
    return table(("file", "name", "version", "tags", "size", "index"), cells) if cells else []


def _laid(candidate: Candidate, scratch: Path) -> Path:
    link = scratch / candidate.name
    link.symlink_to(candidate.path.absolute())
    attestations.lay_out(candidate.path, link)
    return link


def _refuse_doubles(candidates: Sequence[Candidate]) -> None:
    seen: dict[str, str] = {}
    for one in candidates:
        if seen.setdefault(one.name, one.sha256) != one.sha256:
            raise ReleaseRefusedError(
                f"there are two different files that are both called `{one.name}`, and an index "
                "has room for one",
                hint="let one stage make it, or give their versions or tags a difference",
            )


def _refuse_changed(candidate: Candidate) -> None:
    try:
        digest = sha256_file(candidate.path)
    except OSError as error:
        raise VerificationError(
            f"`{candidate.name}` cannot be read any more: {error.strerror}",
            hint="run again: it is then built anew",
        ) from error
    if digest != candidate.sha256:
        raise VerificationError(
            f"`{candidate.name}` changed after it was built: its sha256 is `{digest}`, not "
            f"`{candidate.sha256}`",
            hint="run again: it is then built anew",
        )


def _refuse_unacceptable(verdicts: Sequence[Verdict]) -> None:
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    if refused:
        reasons = [f"{v.file}: {remark}" for v in refused for remark in v.remarks]
        raise ReleaseRefusedError(
            f"an index would refuse {len(refused)} of {len(verdicts)} files",
            detail=(*rows(verdicts), *reasons),
        )


def _projects(requirements: Iterable[str]) -> frozenset[str]:
    found = set()
    for text in requirements:
        with contextlib.suppress(InvalidRequirement):  # the audit has refused it
            found.add(canonicalize_name(parse_requirement(text).name))
    return frozenset(found)


def _ordered(files: Sequence[Distribution]) -> tuple[Distribution, ...]:
    """Sort files so that what others need comes before them: a cut leaves nothing uninstallable.

    Within a project wheels come before the sdist, which installers would build from otherwise.
    """
    needs: dict[str, set[str]] = {file.project: set() for file in files}
    for file in files:
        needs[file.project] |= file.requires & (needs.keys() - {file.project})
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError:
        order = sorted(needs)
    return tuple(
        sorted(files, key=lambda f: (order.index(f.project), f.name.endswith(".tar.gz"), f.name))
    )
