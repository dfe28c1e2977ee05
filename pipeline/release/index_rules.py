"""What an index looks at in one file, beyond what makes it a good wheel or sdist.

These are PyPI's rules at upload, which other indexes share or relax. `pipeline.wheels.audit` has
already judged the archive, its names, its metadata and RECORD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement

from pipeline.release import description
from pipeline.release.version import is_local
from pipeline.wheels import contents
from pipeline.wheels.metadata import parse_requirement
from pipeline.wheels.names import escaped, parse_sdist_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.wheels.audit import Audit
    from pipeline.wheels.findings import Finding

SIZE_LIMIT = contents.SIZE_LIMIT
"""Bytes a file may have unless the project was granted more."""

RATIO_LIMIT, RATIO_FROM = 50, 64 << 20
"""How many times its size a wheel may unpack to, once that is more than so many bytes."""

SUMMARY_LIMIT = 512
"""Characters of the field ``Summary``."""

JUDGED_ELSEWHERE = frozenset({"size-limit", "unexpected-pth"})
"""Rules of the audit that say nothing here: the limit of size is an argument, and whether a file
may run at start-up was declared by the stage that built the wheel, and judged there."""

REFUSED = frozenset({"metadata-refused"})
"""Rules whose warnings are reasons to refuse an upload: indexes serve such files of former years,
and take none any more."""

METADATA_VERSIONS = frozenset({"1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"})
"""Versions of core metadata that PyPI takes; `packaging` may already know later ones."""

_LINUX = r"x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MACOS = r"ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
PLATFORMS = re.compile(
    r"any|win32|win_(amd64|arm64|ia64)|linux_(armv6l|armv7l)"
    r"|manylinux(1|2010)_(x86_64|i686)"
    r"|manylinux2014_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)"
    rf"|manylinux_\d+_\d+_({_LINUX}|ppc64)|musllinux_\d+_\d+_({_LINUX})"
    rf"|macosx_(10_\d+|(1[1-5]|2[6-9]|[3-9]\d)_0)_({_MACOS})"
    r"|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)"
    r"|pyemscripten_\d+_\d+_wasm32"
)
"""Platform tags that PyPI takes (warehouse, ``_valid_platform_tag``): those that mean the same on
every machine. ``linux_x86_64`` promises nothing about the C library it needs, so it is only good
for the machine it was built on. Releases of macOS to come are let through."""

INSTEAD = (
    (re.compile(r"linux_\w+"), "a `manylinux` tag says which C library it needs"),
    (re.compile(r"(pyodide|emscripten)_\w+"), "PEP 783 calls it `pyemscripten`, by year and patch"),
    (re.compile(r"macosx_(?!10_)\w+"), "since macOS 11 the second number is 0"),
)
"""What is written instead of tags of some kinds."""


def faults(audit: Audit, size_limit: int, *, public: bool = True) -> Iterator[str]:
    """Yield why an index would refuse the file; one of somebody's own unless ``public``."""
    yield from (found.message for found in _told(audit) if _is_fault(found))
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
    if audit.kind == "wheel" and audit.unpacked > max(RATIO_FROM, RATIO_LIMIT * audit.size):
        yield f"it unpacks to over {RATIO_LIMIT} times its size, which an index takes for a bomb"
    yield from _file_name_faults(audit)
    yield from _platform_faults(audit)
    yield from _direct_references(audit)


def remarks(audit: Audit) -> Iterator[str]:
    """Yield what an index would let pass but a person should know."""
    yield from (found.message for found in _told(audit) if not _is_fault(found))
    if not audit.description.strip():
        yield "it has no description, so its page will be empty"
    elif not audit.description_content_type:
        yield "it declares no `Description-Content-Type`, so reStructuredText is assumed"
    if not audit.requires_python:
        yield "it declares no `Requires-Python`, so installers try it on every Python"


def _told(audit: Audit) -> Iterator[Finding]:
    return (found for found in audit.findings if found.rule not in JUDGED_ELSEWHERE)


def _is_fault(found: Finding) -> bool:
    return found.level == "error" or found.rule in REFUSED


def _file_name_faults(audit: Audit) -> Iterator[str]:
    """Yield what PyPI wants of a file name: all of an sdist's (PEP 625), the project of a wheel's.

    The order of a wheel's tags is no matter for it.
    """
    if audit.kind == "sdist":
        canonical = parse_sdist_name(audit.file_name).file_name
        if audit.file_name != canonical:
            yield f"it should be named `{canonical}`"
    elif not audit.file_name.startswith(f"{escaped(audit.name)}-"):
        yield f"its file name should start with `{escaped(audit.name)}-`"


def _platform_faults(audit: Audit) -> Iterator[str]:
    for platform in sorted({tag.rpartition("-")[2] for tag in audit.tags}):
        if not PLATFORMS.fullmatch(platform):
            hints = (f"; {words}" for kind, words in INSTEAD if kind.fullmatch(platform))
            yield (
                f"its platform tag `{platform}` is not portable, so an index takes it not"
                f"{next(hints, '')}"
            )


def _direct_references(audit: Audit) -> Iterator[str]:
    for text in audit.requires_dist:
        try:
            requirement = parse_requirement(text)
        except InvalidRequirement:
            continue  # the audit says so already
        if requirement.url:
            yield f"it requires `{requirement.name}` from an address, which indexes forbid"
