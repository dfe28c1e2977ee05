"""Bring a wheel or an sdist into its one canonical form.

Same contents, same bytes: whatever backend, umask, clock, zlib or order of files made the archive.
What files hold is left alone, but for RECORD, which is written anew, and the Tag lines of WHEEL.
Normalising twice changes nothing. A wheel that contradicts itself is refused, not mended.
Where it is known what a wheel can be made of, it gets a bill of it (`pipeline.wheels.bill`).
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pipeline.wheels import record, wheelinfo
from pipeline.wheels.archive import appearing, refusal, shown
from pipeline.wheels.bill import FILE as BILL
from pipeline.wheels.bill import Bill
from pipeline.wheels.layout import find_layout
from pipeline.wheels.names import parse_wheel_name
from pipeline.wheels.sdist import normalise_sdist
from pipeline.wheels.zipread import open_zip
from pipeline.wheels.zipwrite import NewMember, write_zip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.wheels.bill import Parts
    from pipeline.wheels.layout import Layout
    from pipeline.wheels.names import WheelName
    from pipeline.wheels.zipheaders import Member
    from pipeline.wheels.zipread import ZipReader


def normalise(file: Path, directory: Path, *, epoch: int, parts: Parts | None = None) -> Path:
    """Write the canonical form of a wheel or sdist into ``directory`` and return its path.

    ``epoch`` is SOURCE_DATE_EPOCH in seconds; with ``parts`` a wheel gets a bill of those that are
    in it. The new file may replace ``file`` itself. A wheel takes twice its largest member in
    memory, an sdist twice what it unpacks to.
    VerificationError says what is wrong with the archive, StoreError why nothing can be written.
    """
    if file.name.endswith(".whl"):
        return normalise_wheel(file, directory, epoch=epoch, parts=parts)
    return normalise_sdist(file, directory, epoch=epoch)


def normalise_wheel(file: Path, directory: Path, *, epoch: int, parts: Parts | None = None) -> Path:
    """Do what `normalise` says for a wheel."""
    name = parse_wheel_name(file.name)
    target = directory / name.file_name
    with open_zip(file) as reader:
        layout = find_layout(file, name, (member.name for member in reader.members))
        _refuse_unwritable(reader, layout)
        rows = _rows(reader, layout)
        bill = Bill(parts, name, epoch) if parts else None
        with appearing(target) as stream:
            write_zip(stream, _members(reader, layout, rows, bill), epoch=epoch)
    return target


def check_info(file: Path, name: WheelName, data: bytes) -> wheelinfo.WheelInfo:
    """Return what WHEEL says; VerificationError unless it agrees with the file name."""
    try:
        info = wheelinfo.parse(data)
    except wheelinfo.WheelInfoError as error:
        raise refusal(file, f"its WHEEL file {error}") from error
    if info.tags != name.tags or info.build != name.build:
        raise refusal(
            file,
            f"its name says `{_tags(name.build, name.tags)}` "
            f"but its WHEEL file `{_tags(info.build, info.tags)}`",
            hint="let the backend or `auditwheel` name the file, never rename it",
        )
    return info


def _tags(build: str, tags: tuple[str, ...]) -> str:
    return " ".join((*filter(None, (build,)), *tags))


def _refuse_unwritable(reader: ZipReader, layout: Layout) -> None:
    """Refuse what others' wheels may hold and no wheel of ours does."""
    signatures = {layout.file(signature) for signature in record.SIGNATURES}
    for member in reader.members:
        if member.is_link:
            raise refusal(reader.path, f"member {shown(member.name)} is a link")
        if member.name in signatures:
            raise refusal(
                reader.path,
                f"it has a `{member.name.rpartition('/')[2]}`, which PEP 815 abolished and no new "
                "RECORD would match",
                hint="leave it out of the build",
            )


def _rows(reader: ZipReader, layout: Layout) -> dict[str, record.Row]:
    """Return RECORD's lines once they name exactly the wheel's files."""
    path = layout.file("RECORD")
    names = {member.name: member for member in reader.members}
    try:
        rows = record.parse(reader.read(names[path]))
    except record.RecordError as error:
        raise refusal(reader.path, f"its RECORD {error}") from error
    for fault in record.faults_in_names(rows, frozenset(names), path):
        raise refusal(reader.path, fault)
    return rows


def _members(
    reader: ZipReader, layout: Layout, rows: dict[str, record.Row], bill: Bill | None
) -> Iterator[NewMember]:
    """Yield what is to be written, in order; RECORD comes last, made of what came before."""
    written: list[record.Row] = []
    *members, own = sorted(reader.members, key=lambda member: layout.sort_key(member.name))
    place = layout.sort_key(layout.file(BILL))
    before = [member for member in members if layout.sort_key(member.name) < place]
    for member in before:
        # Made in the call, so that no name here keeps it alive while the next one is read.
        yield _seen(_member(reader, layout, rows[member.name], member, written), bill)
    if bill:
        yield from _bill(layout, bill, written)
    for member in members[len(before) :]:
        if not bill or member.name != layout.file(BILL):
            yield _member(reader, layout, rows[member.name], member, written)
    path = layout.canonical(own.name)
    yield NewMember(name=path, data=record.render([*written, record.Row(path=path)]))


def _seen(member: NewMember, bill: Bill | None) -> NewMember:
    return bill.seen(member) if bill else member


def _bill(layout: Layout, bill: Bill, written: list[record.Row]) -> Iterator[NewMember]:
    """Yield the bill of what was seen; all files outside of ``.dist-info`` come before it."""
    if text := bill.text():
        path, data = layout.canonical(layout.file(BILL)), text.encode()
        written.append(record.row_of(path, data))
        yield NewMember(name=path, data=data)


def _member(
    reader: ZipReader,
    layout: Layout,
    row: record.Row,
    member: Member,
    written: list[record.Row],
) -> NewMember:
    """Return a file as it is to be written, once its line in RECORD proved true."""
    data = reader.read(member)
    _check_row(reader, row, data)
    if member.name == layout.file("WHEEL"):
        check_info(reader.path, layout.name, bytes(data))
        data = bytearray(wheelinfo.with_tags(bytes(data), layout.name.tags))
    path = layout.canonical(member.name)
    written.append(record.row_of(path, data))
    return NewMember(name=path, data=data, executable=bool(member.mode & stat.S_IXUSR))


def _check_row(reader: ZipReader, row: record.Row, data: bytearray) -> None:
    check = record.Check(row)
    check.update(data)
    fault = check.fault()
    if fault:
        raise refusal(reader.path, f"member `{row.path}` {fault}")
