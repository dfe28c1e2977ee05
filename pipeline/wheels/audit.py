"""Audit a wheel or sdist: what it says about itself, and whether it is true.

Everything is read once. An archive that cannot be read safely raises; what can be read but is
wrong becomes a finding, so that one run names all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pipeline.files import sha256_file
from pipeline.wheels import contents, metadata, record, wheelinfo
from pipeline.wheels.archive import refusal
from pipeline.wheels.binaries import glibc_needed
from pipeline.wheels.elf import ElfError
from pipeline.wheels.findings import Finding, as_built, few, finding
from pipeline.wheels.layout import find_layout
from pipeline.wheels.metadata import Facts, check_identity, read_metadata
from pipeline.wheels.names import parse_sdist_name, parse_wheel_name
from pipeline.wheels.scan import Scan
from pipeline.wheels.sdist import top_directory
from pipeline.wheels.seen import Seen
from pipeline.wheels.tarread import read_sdist
from pipeline.wheels.zipread import open_zip

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.wheels.layout import Layout
    from pipeline.wheels.zipheaders import Member
    from pipeline.wheels.zipread import ZipReader


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What a wheel or sdist is, and what is wrong with it.

    ``name`` is as the metadata writes it, ``version`` as the file name does; ``tags`` are single
    tags, sorted, none for an sdist; ``size`` and ``unpacked`` in bytes; ``glibc`` is the version
    that its compiled files need, empty when they need none; ``description`` the whole text.
    """

    file_name: str
    name: str
    version: str
    kind: Literal["wheel", "sdist"]
    tags: tuple[str, ...]
    size: int
    unpacked: int
    sha256: str
    glibc: str
    metadata_version: str
    requires_python: str
    requires_dist: tuple[str, ...]
    summary: str
    description_content_type: str
    description: str
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that must keep the file from being published."""
        return tuple(found for found in self.findings if found.level == "error")


def audit(file: Path, *, allow_startup: frozenset[str] = frozenset(), built: bool = False) -> Audit:
    """Return all facts and findings of a wheel or sdist.

    ``allow_startup`` names the ``.pth`` and ``.start`` files that may stand at a wheel's root;
    ``built`` is for files of our own, which are judged by what they promise (`findings.Rule`).
    VerificationError when the archive is malformed or unsafe, or lacks what makes it a wheel.
    """
    is_wheel = file.name.endswith(".whl")
    found = _audit_wheel(file, allow_startup) if is_wheel else _audit_sdist(file)
    return replace(found, findings=few(as_built(found.findings) if built else found.findings))


def _audit_wheel(file: Path, allow_startup: frozenset[str]) -> Audit:
    name = parse_wheel_name(file.name)
    with open_zip(file) as reader:
        names = [member.name for member in reader.members]
        layout = find_layout(file, name, names)
        seen, findings = _look(reader, layout)
        files = {member.name: member for member in reader.members}
        facts, faults = read_metadata(_small(reader, files[layout.file("METADATA")]))
        info = _small(reader, files[layout.file("WHEEL")])
        startup = {
            file: b"".join(reader.chunks(files[file]))
            if files[file].size <= contents.STARTUP_LIMIT
            else b""
            for file in contents.startup_files(names, layout.data)
        }
    findings += [
        *_check_file_name(file, name.file_name),
        *faults,
        *check_identity(facts, name.name, name.version),
        *_check_info(info, layout, seen),
        *(found for each in seen for found in contents.check_file(each)),
        *contents.check_windows(names),
        *(finding("link-inside", f"`{m.name}` is a link") for m in files.values() if m.is_link),
        *contents.check_startup(name.name, startup, allow_startup),
        *contents.check_tags(name, seen),
        # What requires others may be there for nothing else: a metapackage.
        *(() if facts.requires_dist else contents.check_emptiness(names, layout.dist_info)),
    ]
    return _audit(
        file,
        facts,
        [*findings, *contents.check_size(file.stat().st_size)],
        kind="wheel",
        version=name.version,
        tags=name.tags,
        unpacked=sum(member.size for member in files.values()),
        glibc=glibc_needed(seen),
    )


def _small(reader: ZipReader, member: Member) -> bytes:
    """Return a file of metadata; VerificationError when it is larger than any is."""
    if member.size > metadata.SIZE_LIMIT:
        raise refusal(reader.path, f"`{member.name}` has {member.size:,} bytes")
    return bytes(reader.read(member))


def _look(reader: ZipReader, layout: Layout) -> tuple[list[Seen], list[Finding]]:
    """Read every member once; return what was seen and what RECORD says wrongly."""
    path = layout.file("RECORD")
    names = {member.name: member for member in reader.members}
    rows: dict[str, record.Row] = {}
    findings: list[Finding] = []
    try:
        rows = record.parse(reader.read(names[path]))
        faults = list(record.faults_in_names(rows, frozenset(names), path))
    except record.RecordError as error:
        faults = [f"RECORD {error}"]
    findings += [finding("record-mismatch", fault) for fault in faults]
    seen: list[Seen] = []
    for member in reader.members:
        check = record.Check(rows.get(member.name, record.Row(path=member.name)))
        # The description of a project may well speak of `/src/`.
        search = member.name not in {path, layout.file("METADATA")}
        seen.append(_see(reader, member, check, search=search))
        if member.name in rows and member.name != path and (fault := check.fault()):
            findings.append(finding("record-digest", f"`{member.name}` {fault}"))
    signatures = {layout.file(signature) for signature in record.SIGNATURES} & names.keys()
    findings += [finding("signature-inside", f"`{name}` is in it") for name in sorted(signatures)]
    return seen, findings


def _see(reader: ZipReader, member: Member, check: record.Check, *, search: bool) -> Seen:
    """Read a member through all that looks at it."""
    head = b""
    with Scan(search=search) as scan:
        for chunk in reader.chunks(member):
            scan.update(chunk)
            check.update(chunk)
            head = head or bytes(chunk[: contents.LFS_SIZE])
        elf, fault = None, ""
        try:
            elf = scan.elf()
        except ElfError as error:
            fault = str(error)
    return Seen(
        name=member.name,
        mode=member.mode,
        build_path=scan.build_path,
        elf=elf,
        fault=fault,
        is_lfs=contents.is_lfs_pointer(head),
    )


def _check_info(data: bytes, layout: Layout, seen: list[Seen]) -> list[Finding]:
    name = layout.name
    try:
        info = wheelinfo.parse(data)
    except wheelinfo.WheelInfoError as error:
        return [finding("tag-mismatch", f"WHEEL {error}")]
    findings = list(contents.check_purelib(name, seen, purelib=info.purelib))
    if info.tags != name.tags or info.build != name.build:
        said = " ".join((info.build, *info.tags)).strip()
        findings.append(finding("tag-mismatch", f"WHEEL says `{said}`, unlike the file name"))
    return findings


def _audit_sdist(file: Path) -> Audit:
    name = parse_sdist_name(file.name)
    sdist = read_sdist(file)
    top = top_directory(file, name, sdist)
    files = {member.name: member for member in sdist.members if member.kind == "file"}
    own = files[f"{top}/PKG-INFO"]
    if own.size > metadata.SIZE_LIMIT:
        raise refusal(file, f"`{own.name}` has {own.size:,} bytes")
    facts, faults = read_metadata(bytes(sdist.read(own)))
    findings = [
        *_check_file_name(file, name.file_name),
        *faults,
        *check_identity(facts, name.name, name.version),
    ]
    if f"{top}/pyproject.toml" not in files:
        findings.append(finding("no-pyproject", "it has no `pyproject.toml`"))
    for member in files.values():
        head = bytes(sdist.read(member)[: contents.LFS_SIZE])
        seen = Seen(name=member.name, mode=member.mode, is_lfs=contents.is_lfs_pointer(head))
        findings += contents.check_file(seen)
    findings += contents.check_windows([member.name for member in sdist.members])
    findings += contents.check_size(file.stat().st_size)
    unpacked = sum(member.size for member in files.values())
    return _audit(file, facts, findings, kind="sdist", version=name.version, unpacked=unpacked)


def _check_file_name(file: Path, canonical: str) -> list[Finding]:
    if file.name == canonical:
        return []
    return [finding("file-name", f"it should be named `{canonical}`")]


def _audit(
    file: Path,
    facts: Facts,
    findings: list[Finding],
    *,
    kind: Literal["wheel", "sdist"],
    version: str,
    unpacked: int,
    tags: tuple[str, ...] = (),
    glibc: str = "",
) -> Audit:
    return Audit(
        file_name=file.name,
        name=facts.name,
        version=version,
        kind=kind,
        tags=tags,
        size=file.stat().st_size,
        unpacked=unpacked,
        sha256=sha256_file(file),
        glibc=glibc,
        metadata_version=facts.metadata_version,
        requires_python=facts.requires_python,
        requires_dist=facts.requires_dist,
        summary=facts.summary,
        description_content_type=facts.description_content_type,
        description=facts.description,
        findings=tuple(findings),
    )
