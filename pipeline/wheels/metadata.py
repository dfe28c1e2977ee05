"""Core metadata of a wheel (METADATA) or sdist (PKG-INFO): the facts, and what is wrong.

``packaging`` knows the standard; it is slow to import, so only auditing comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.metadata import InvalidMetadata, Metadata, parse_email

from pipeline.wheels.findings import finding
from pipeline.wheels.names import escaped, same_stem

if TYPE_CHECKING:
    from pipeline.wheels.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the metadata says, as written; empty where it says nothing."""

    name: str
    version: str
    metadata_version: str
    requires_python: str
    requires_dist: tuple[str, ...]
    summary: str
    description_content_type: str
    description: str


def read_metadata(data: bytes) -> tuple[Facts, list[Finding]]:
    """Return the facts and what the standard forbids; it never raises."""
    raw, unknown = parse_email(data)
    findings = [
        finding("metadata-invalid", f"`{field}` is unknown, repeated or not UTF-8")
        for field in sorted(unknown)
    ]
    try:
        Metadata.from_raw(raw, validate=True)
    except* InvalidMetadata as group:
        findings += [
            finding("metadata-invalid", _sentence(error))
            for error in group.exceptions
            if isinstance(error, InvalidMetadata)
        ]
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
    return facts, findings


def check_identity(facts: Facts, name: str, version: str) -> list[Finding]:
    """Return a finding unless the metadata means the file name's project and version."""
    if same_stem(f"{escaped(facts.name)}-{facts.version}", f"{name}-{version}"):
        return []
    words = f"the metadata says `{facts.name} {facts.version}`, the file name `{name} {version}`"
    return [finding("metadata-mismatch", words)]


def _sentence(error: InvalidMetadata) -> str:
    return f"{error.field}: {error}"
