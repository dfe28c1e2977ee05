"""What an index looks at in one file, beyond what makes it a good wheel or sdist.

These are PyPI's rules at upload, which other indexes share or relax. `pipeline.wheels.audit` has
already judged the archive, its names, its metadata and RECORD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from pipeline.release import description
from pipeline.release.version import is_local
from pipeline.wheels import contents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.wheels.audit import Audit
    from pipeline.wheels.findings import Finding

SIZE_LIMIT = contents.SIZE_LIMIT
"""Bytes a file may have unless the project was granted more."""

SUMMARY_LIMIT = 512
"""Characters of the field ``Summary``."""

JUDGED_ELSEWHERE = frozenset({"size-limit", "unexpected-pth"})
"""Rules of the audit that say nothing here: the limit of size is an argument, and whether a file
may run at start-up was declared by the stage that built the wheel, and judged there."""

METADATA_VERSIONS = frozenset({"1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"})
"""Versions of core metadata that are final; `packaging` may already know later ones."""

PLATFORMS = re.compile(
    r"any|win32|win_(amd64|arm64|ia64)"
    r"|(manylinux(1|2010|2014)|(many|musl)linux_\d+_\d+)_\w+"
    r"|linux_(armv6l|armv7l)"
    r"|macosx_\d+_\d+_\w+|ios_\d+_\d+_\w+|android_\d+_\w+|(pyodide|pyemscripten)_\d+_\d+_wasm32"
)
"""Platform tags that mean the same on every machine. ``linux_x86_64`` promises nothing about the
C library it needs, so it is only good for the machine it was built on."""


def faults(audit: Audit, size_limit: int, *, public: bool = True) -> Iterator[str]:
    """Yield why an index would refuse the file; one of somebody's own unless ``public``."""
    yield from (found.message for found in _told(audit) if found.level == "error")
    if public:
        yield from public_faults(audit, size_limit)
    if audit.metadata_version and audit.metadata_version not in METADATA_VERSIONS:
        yield f"its metadata is of version {audit.metadata_version}, which an index does not know"
    if len(audit.summary) > SUMMARY_LIMIT:
        yield f"its summary is longer than {SUMMARY_LIMIT} characters"
    yield from description.faults(audit.description, audit.description_content_type)


def public_faults(audit: Audit, size_limit: int) -> Iterator[str]:
    """Yield why a public index would refuse the file; the owner of another may decide otherwise."""
    if is_local(audit.version):
        yield f"`{audit.version}` is a local version, which no public index takes"
    if audit.size > size_limit:
        yield f"it has {audit.size:,} bytes, more than the {size_limit:,} that are allowed"
    yield from _platform_faults(audit)
    yield from _direct_references(audit)


def remarks(audit: Audit) -> Iterator[str]:
    """Yield what an index would let pass but a person should know."""
    yield from (found.message for found in _told(audit) if found.level == "warning")
    if not audit.description.strip():
        yield "it has no description, so its page will be empty"
    elif not audit.description_content_type:
        yield "it declares no `Description-Content-Type`, so reStructuredText is assumed"
    if not audit.requires_python:
        yield "it declares no `Requires-Python`, so installers try it on every Python"


def _told(audit: Audit) -> Iterator[Finding]:
    return (found for found in audit.findings if found.rule not in JUDGED_ELSEWHERE)


def _platform_faults(audit: Audit) -> Iterator[str]:
    for platform in sorted({tag.rpartition("-")[2] for tag in audit.tags}):
        if not PLATFORMS.fullmatch(platform):
            yield (
                f"its platform tag `{platform}` is not portable, so an index takes it not; "
                "a `manylinux` tag says which C library it needs"
            )


def _direct_references(audit: Audit) -> Iterator[str]:
    for text in audit.requires_dist:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # the audit says so already
        if requirement.url:
            yield f"it requires `{requirement.name}` from an address, which indexes forbid"
