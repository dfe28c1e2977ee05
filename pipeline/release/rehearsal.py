"""The rehearsal of an upload: for each file, what an index would say.

Nothing is sent. Each file is judged by itself (`pipeline.release.index_rules`), then all of them
as the one upload they would be.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pipeline.errors import VerificationError
from pipeline.files import sha256_file
from pipeline.release.index_rules import SIZE_LIMIT, faults, public_faults, remarks
from pipeline.wheels.audit import audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an index would say about a file.

    ``file`` is its name, ``tags`` those of a wheel, ``size`` in bytes. ``remarks`` are the reasons
    when it is not ``accepted``, and what a person should know otherwise. ``requires`` are its
    requirements (PEP 508). ``name`` and ``version`` are empty when the file could not be read.
    """

    file: str
    name: str
    version: str
    tags: tuple[str, ...]
    size: int
    sha256: str
    accepted: bool
    remarks: tuple[str, ...]
    requires: tuple[str, ...] = ()


def rehearse(
    files: Mapping[str, Path], *, size_limit: int = SIZE_LIMIT, public: bool = True
) -> tuple[Verdict, ...]:
    """Return a verdict for each file, sorted by name.

    ``files`` gives each file's name at the index and where its bytes are, which may be a place of
    another name such as a blob. ``size_limit`` is in bytes. Unless the index is ``public``, what
    only public ones refuse is remarked.
    """
    with tempfile.TemporaryDirectory(prefix="pipeline-rehearsal-") as scratch:
        alone = [
            _judge(_under_its_name(name, files[name], Path(scratch)), size_limit, public=public)
            for name in sorted(files)
        ]
    return tuple(_judge_together(alone))


def _under_its_name(name: str, path: Path, scratch: Path) -> Path:
    if path.name == name:
        return path
    link = scratch / name
    link.symlink_to(path.absolute())
    return link


def _judge(file: Path, size_limit: int, *, public: bool) -> Verdict:
    try:
        found = audit(file, built=True)
    except VerificationError as error:
        return Verdict(
            file=file.name,
            name="",
            version="",
            tags=(),
            size=file.stat().st_size,
            sha256=sha256_file(file),
            accepted=False,
            remarks=(error.message, *error.detail),
        )
    reasons = tuple(faults(found, size_limit, public=public))
    allowed = () if public else public_faults(found, size_limit)
    return Verdict(
        file=file.name,
        name=found.name,
        version=found.version,
        tags=found.tags,
        size=found.size,
        sha256=found.sha256,
        accepted=not reasons,
        remarks=(*reasons, *allowed, *remarks(found)),
        requires=found.requires_dist,
    )


def _judge_together(verdicts: list[Verdict]) -> Iterable[Verdict]:
    projects: dict[str, list[Verdict]] = defaultdict(list)
    contents: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        projects[canonicalize_name(verdict.name)].append(verdict)
        contents[verdict.sha256].append(verdict.file)
    for verdict in verdicts:
        reasons = [
            f"it has the same bytes as `{other}`, and an index takes content only once"
            for other in contents[verdict.sha256]
            if other != verdict.file
        ]
        if verdict.name:
            reasons += _against_siblings(verdict, projects[canonicalize_name(verdict.name)])
        yield _refused(verdict, tuple(reasons)) if reasons else verdict


def _against_siblings(verdict: Verdict, siblings: list[Verdict]) -> Iterable[str]:
    versions = sorted({sibling.version for sibling in siblings})
    if len(versions) > 1:
        told = ", ".join(f"`{version}`" for version in versions)
        yield f"the files of `{verdict.name}` are of different versions: {told}"
    sdists = [each.file for each in siblings if not each.tags and each.version == verdict.version]
    if not verdict.tags and len(sdists) > 1:
        yield "a release has one sdist only, and here are " + ", ".join(f"`{s}`" for s in sdists)


def _refused(verdict: Verdict, reasons: tuple[str, ...]) -> Verdict:
    return replace(verdict, accepted=False, remarks=(*reasons, *verdict.remarks))
