"""Core metadata of a wheel (METADATA) or sdist (PKG-INFO): the facts, and what is wrong.

`packaging` knows the standard, twine what it sends of metadata that is older than its fields. Both
are stricter than what indexes have served for years, so two kinds of fault are told apart: what
installers cannot work with, and what an upload would be refused for today. `packaging` is slow to
import, so only auditing comes here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from packaging.metadata import InvalidMetadata, Metadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement

from pipeline.wheels.findings import finding
from pipeline.wheels.names import escaped, same_stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.metadata import RawMetadata

    from pipeline.wheels.findings import Finding

SIZE_LIMIT = 16 << 20
"""Bytes of metadata that are read; long descriptions have some 500 kB."""

LICENSE_FILES_SINCE = (2, 4)
"""setuptools wrote ``License-File`` for four years before the standard had it (PEP 639); twine
drops the field from older metadata, so indexes never see it."""

NEWEST_MAJOR = 2
"""Readers must refuse metadata of a later major version, and may read a later minor one."""

_NEEDED = {"name": "name", "version": "version", "requires_dist": "requires-dist"}
"""Fields without which, or with a malformed one, no installer takes a file."""

_GRAMMATICAL = (
    *("name", "version", "requires_python", "requires_dist", "provides_dist", "obsoletes_dist"),
    *("provides_extra", "license_expression", "description_content_type", "author_email"),
    "maintainer_email",
)
"""Fields with a grammar, whose parsers recurse or make numbers."""

_METADATA_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_LENGTH_LIMIT = 64 << 10
_DEPTH_LIMIT = 100
_LONG_NUMBER = re.compile(r"\d{1000}")
_SHOWN = 300


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the metadata says, as written; empty where it says nothing."""

    name: str = ""
    version: str = ""
    metadata_version: str = ""
    requires_python: str = ""
    requires_dist: tuple[str, ...] = ()
    summary: str = ""
    description_content_type: str = ""
    description: str = ""


def read_metadata(data: bytes) -> tuple[Facts, list[Finding]]:
    """Return the facts and what is wrong with them; it never raises.

    ``metadata-invalid`` keeps installers from a file, ``metadata-refused`` an upload.
    """
    try:
        raw, unknown = parse_email(data)
    except RecursionError:  # parts within parts: `email` takes the fields for those of a message
        return Facts(), [finding("metadata-invalid", "its parts are nested too deeply to be read")]
    facts = Facts(
        name=raw.get("name", ""),
        version=raw.get("version", ""),
        metadata_version=raw.get("metadata_version", ""),
        requires_python=raw.get("requires_python", ""),
        requires_dist=tuple(raw.get("requires_dist", ())),
        summary=raw.get("summary", ""),
        description_content_type=raw.get("description_content_type", ""),
        description=raw.get("description", ""),
    )
    if not has_license_files(facts.metadata_version):
        raw.pop("license_files", None)
        unknown.pop("license-file", None)
    findings = [
        *_excesses(raw),
        *_major(facts.metadata_version),
        *(
            finding("metadata-refused", f"`{_shown(field)}` is unknown, repeated or not UTF-8")
            for field in sorted(unknown)
        ),
    ]
    return facts, [*findings, *_faults(raw)]


def check_identity(facts: Facts, name: str, version: str) -> list[Finding]:
    """Return a finding unless the metadata means the file name's project and version."""
    if same_stem(f"{escaped(facts.name)}-{facts.version}", f"{name}-{version}"):
        return []
    said = _shown(f"{facts.name} {facts.version}")
    words = f"the metadata says `{said}`, the file name `{name} {version}`"
    return [finding("metadata-mismatch", words)]


def parse_requirement(text: str) -> Requirement:
    """Return a requirement (PEP 508) that others wrote; InvalidRequirement also for excess.

    The parser of `packaging` recurses with each parenthesis, so depth is bounded before.
    """
    if reason := excess(text):
        raise InvalidRequirement(reason)
    return Requirement(text)


def excess(text: str) -> str:
    """Return why a text with a grammar is not given to its parser, or nothing when it may be."""
    if len(text) > _LENGTH_LIMIT:
        return f"it has over {_LENGTH_LIMIT} characters"
    if _LONG_NUMBER.search(text):
        return "it has a number of a thousand digits"
    depth = 0
    for bracket in re.findall(r"[()]", text):
        depth += 1 if bracket == "(" else -1
        if depth > _DEPTH_LIMIT:
            return f"it nests parentheses more than {_DEPTH_LIMIT} deep"
    return ""


def has_license_files(metadata_version: str) -> bool:
    """Whether ``License-File`` is a field of metadata of this version; of an unknown one it is."""
    match = _METADATA_VERSION.fullmatch(metadata_version or "0.0")
    return match is None or (int(match[1]), int(match[2])) >= LICENSE_FILES_SINCE


def _major(metadata_version: str) -> Iterator[Finding]:
    match = _METADATA_VERSION.fullmatch(metadata_version)
    if match and int(match[1]) > NEWEST_MAJOR:
        words = f"metadata-version: `{metadata_version}` is newer than any reader knows"
        yield finding("metadata-invalid", words)


def _excesses(raw: RawMetadata) -> Iterator[Finding]:
    """Yield the fields that no parser is given, and take them out of ``raw``."""
    fields = cast("dict[str, str | list[str]]", raw)
    for field in _GRAMMATICAL:
        value = fields.get(field, "")
        for text in [value] if isinstance(value, str) else value:
            if reason := excess(text):
                del fields[field]
                yield finding("metadata-invalid", f"{field.replace('_', '-')}: {reason}")
                break


def _faults(raw: RawMetadata) -> list[Finding]:
    """Return what the standard forbids, as the index holds it against each upload."""
    lenient = Metadata.from_raw(raw, validate=False)
    fatal = set()
    findings = []
    for attribute, field in _NEEDED.items():
        try:
            getattr(lenient, attribute)
        except InvalidMetadata as error:
            fatal.add(field)
            findings.append(finding("metadata-invalid", _sentence(error)))
    return findings + [
        finding("metadata-refused", _sentence(error))
        for error in _errors(raw)
        if error.field not in fatal
    ]


def _errors(raw: RawMetadata) -> list[InvalidMetadata]:
    found: list[InvalidMetadata] = []
    try:
        Metadata.from_raw(raw, validate=True)
    except* InvalidMetadata as group:
        found += [error for error in group.exceptions if isinstance(error, InvalidMetadata)]
    return sorted(found, key=lambda error: (error.field, str(error)))


def _sentence(error: InvalidMetadata) -> str:
    return f"{error.field}: {_shown(str(error))}"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
